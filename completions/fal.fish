# Completion of fal for fish. Load it with: fal completion fish | source, or install it with: fal completion install fish
function __fal_complete
    set -l words (commandline -opc)
    command $words[1] __complete fish $words[2..-1] (commandline -ct) 2>/dev/null
end
for program in fal fal-cli
    complete -c $program -f -k -a '(__fal_complete)'
end
