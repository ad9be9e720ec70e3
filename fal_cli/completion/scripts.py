"""The completion script of each shell, as text. Each asks `fal __complete` with the words up to the cursor."""

from fal_cli.completion.table import TABLE

SHELLS = ("bash", "zsh", "fish", "powershell")
FILES = {"bash": "fal.bash", "zsh": "_fal", "fish": "fal.fish", "powershell": "fal.ps1"}

_BASH = """\
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
"""

_ZSH = """\
#compdef fal fal-cli
# Completion of fal for zsh. Load it with: source <(fal completion zsh), or put it into a folder of $fpath as _fal.
_fal() {
    local -a candidates
    local line
    while IFS= read -r line; do
        candidates+=("${${line%%$'\\t'*}//:/\\\\:}:${line#*$'\\t'}")
    done < <(command "${words[1]}" __complete "${(@Q)words[2,CURRENT]}" 2>/dev/null)
    if (( ${#candidates} )); then
        _describe -V 'fal' candidates
    else
        _files
    fi
}
if [[ "${funcstack[1]}" == "_fal" ]]; then
    _fal "$@"
else
    compdef _fal fal fal-cli
fi
"""

_FISH = """\
# Completion of fal for fish. Load it with: fal completion fish | source
function __fal_complete
    set -l tokens (commandline -opc) (commandline -ct)
    command $tokens[1] __complete $tokens[2..-1] 2>/dev/null
end
for program in fal fal-cli
    complete -c $program -a '(__fal_complete)'
end
"""

_POWERSHELL = """\
# Completion of fal for PowerShell. Load it with: fal completion powershell | Out-String | Invoke-Expression
$FalWords = @{{
{table}
}}
Register-ArgumentCompleter -Native -CommandName fal, fal-cli -ScriptBlock {{
    param($wordToComplete, $commandAst, $cursorPosition)
    $path = ''
    foreach ($element in $commandAst.CommandElements | Select-Object -Skip 1) {{
        $next = ("$path " + $element.ToString()).Trim()
        if ($FalWords.ContainsKey($next)) {{ $path = $next }}
    }}
    $FalWords[$path] | Where-Object {{ $_ -like "$wordToComplete*" }} | ForEach-Object {{
        [System.Management.Automation.CompletionResult]::new($_, $_, 'ParameterValue', $_)
    }}
}}
"""


def script(shell: str) -> str:
    """The script for one of `SHELLS`."""
    if shell == "powershell":
        return _POWERSHELL.format(table="\n".join(_powershell_line(path) for path in TABLE))
    return {"bash": _BASH, "zsh": _ZSH, "fish": _FISH}[shell]


def _powershell_line(path: str) -> str:
    node = TABLE[path]
    words = ", ".join(f"'{word}'" for word in (*node["commands"], *node["arguments"], *node["options"]))
    return f"    '{path}' = @({words})"
