"""The completion script of each shell, as text. Each asks `fal __complete SHELL` with what stands before the cursor;
PowerShell's, which is static, has the table in itself.
"""

from collections.abc import Mapping
from typing import Any

FILES = {"bash": "fal.bash", "zsh": "_fal", "fish": "fal.fish", "powershell": "fal.ps1"}
"""The name of each in `completions/`."""
SHELLS = tuple(FILES)
MARK = "# Completion of fal for"
"""What each begins with, by the second line at the latest."""

_BASH = f"""\
{MARK} bash. Load it with: source <(fal completion bash), or install it with: fal completion install bash
_fal() {{
    local line
    COMPREPLY=()
    while IFS= read -r line; do
        COMPREPLY+=("$line")
    done < <(command "${{COMP_WORDS[0]/#\\~/$HOME}}" __complete bash "${{COMP_LINE:0:COMP_POINT}}" "$2" \\
        "${{COMP_TYPE:-9}}" "${{COLUMNS:-80}}" 2>/dev/null)
}}
complete -o nospace -o nosort -F _fal fal fal-cli 2>/dev/null || complete -o nospace -F _fal fal fal-cli
"""

_ZSH = f"""\
#compdef fal fal-cli
{MARK} zsh. Load it with: source <(fal completion zsh), or install it with: fal completion install zsh
_fal() {{
    local -a whole partial anyhow
    local line word text unsafe program=${{(Q)words[1]}} current=$PREFIX
    [[ $program == '~'/* ]] && program=$HOME${{program#'~'}}
    [[ -z $QIPREFIX ]] && current=${{(Q)PREFIX}}
    # zsh escapes what it inserts, but not for backquotes around it, nor a ! in quotes in something else.
    [[ $QIPREFIX == *\\" && ( $LBUFFER == *\\(* || $#compstate[all_quotes] -gt 1 ) ]] && unsafe='*!*'
    [[ $LBUFFER == *\\`* ]] && unsafe='*[^a-zA-Z0-9_./:=@%+,-]*'
    while IFS= read -r line; do
        word=${{line%%$'\\t'*}}
        [[ $word == $~unsafe ]] && continue
        text=${{line#*$'\\t'}}
        line=${{${{word//\\\\/\\\\\\\\}}//:/\\\\:}}${{text:+:$text}}
        if [[ $word == *[=/@.,] ]]; then partial+=("$line"); else whole+=("$line"); fi
    done < <(command $program __complete zsh "${{(@Q)words[2,CURRENT-1]}}" "$current" 2>/dev/null)
    [[ $word == $current* ]] || anyhow=(-U)
    local found=1
    (( $#whole )) && _describe -V fal whole $anyhow && found=0
    (( $#partial )) && _describe -V fal partial $anyhow -S '' && found=0
    return found
}}
if [[ "${{funcstack[1]}}" == "_fal" ]]; then
    _fal "$@"
else
    compdef _fal fal fal-cli
fi
"""

_FISH = f"""\
{MARK} fish. Load it with: fal completion fish | source, or install it with: fal completion install fish
function __fal_complete
    set -l words (commandline -opc)
    command $words[1] __complete fish $words[2..-1] (commandline -ct) 2>/dev/null
end
for program in fal fal-cli
    complete -c $program -f -k -a '(__fal_complete)'
end
"""

_POWERSHELL = f"""\
{MARK} PowerShell. Load it with: fal completion powershell | Out-String | Invoke-Expression
$FalWords = @{{{{
{{table}}
}}}}
Register-ArgumentCompleter -Native -CommandName fal, fal-cli -ScriptBlock {{{{
    param($wordToComplete, $commandAst, $cursorPosition)
    $path = ''
    foreach ($element in $commandAst.CommandElements | Select-Object -Skip 1) {{{{
        $next = ("$path " + $element.ToString()).Trim()
        if ($FalWords.ContainsKey($next)) {{{{ $path = $next }}}}
    }}}}
    $FalWords[$path] | Where-Object {{{{ $_ -like "$wordToComplete*" }}}} | ForEach-Object {{{{
        [System.Management.Automation.CompletionResult]::new($_, $_, 'ParameterValue', $_)
    }}}}
}}}}
"""


def script(shell: str) -> str:
    """The script for one of `SHELLS`."""
    if shell == "powershell":
        from fal_cli.cli.completion.table import TABLE

        return powershell(TABLE)
    return {"bash": _BASH, "zsh": _ZSH, "fish": _FISH}[shell]


def powershell(table: Mapping[str, Any]) -> str:
    """PowerShell's script with this table."""
    return _POWERSHELL.format(table="\n".join(_powershell_line(path, table) for path in table))


def _powershell_line(path: str, table: Mapping[str, Any]) -> str:
    commands, options, others, arguments = table[path]
    shared = table[""][1] if path else {}
    choices = [choice for argument in arguments for choice in argument[1]]
    words = dict.fromkeys((*commands, *choices, *options, *others, *shared))
    return f"    '{path}' = @({', '.join(repr(word) for word in words)})"
