# Completion of fal for bash. Load it with: source <(fal completion bash), or install it with: fal completion install bash
_fal() {
    local line
    COMPREPLY=()
    while IFS= read -r line; do
        COMPREPLY+=("$line")
    done < <(command "${COMP_WORDS[0]/#\~/$HOME}" __complete bash "${COMP_LINE:0:COMP_POINT}" "$2" \
        "${COMP_TYPE:-9}" "${COLUMNS:-80}" 2>/dev/null)
}
complete -o nospace -o nosort -F _fal fal fal-cli 2>/dev/null || complete -o nospace -F _fal fal fal-cli
