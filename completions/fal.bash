# Completion of fal for bash. Load it with: source <(fal completion bash)
_fal() {
    local current line words
    words=("${COMP_WORDS[@]:1:COMP_CWORD}")
    COMPREPLY=()
    current="${COMP_WORDS[COMP_CWORD]}"
    if [[ "$current" == "=" ]]; then current=""; fi
    while IFS= read -r line; do
        COMPREPLY+=("$line")
    done < <(_fal_words "${words[@]}")
    if [[ ${#COMPREPLY[@]} -eq 0 ]]; then
        while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen -f -- "$current")
    fi
}
_fal_words() {
    command "${COMP_WORDS[0]}" __complete "$@" 2>/dev/null | cut -f1
}
complete -o nosort -F _fal fal fal-cli 2>/dev/null || complete -F _fal fal fal-cli
