# Completion of fal for fish. Load it with: fal completion fish | source
function __fal_complete
    set -l tokens (commandline -opc) (commandline -ct)
    command $tokens[1] __complete $tokens[2..-1] 2>/dev/null
end
for program in fal fal-cli
    complete -c $program -a '(__fal_complete)'
end
