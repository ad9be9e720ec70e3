# Completion of fal for PowerShell. Load it with: fal completion powershell | Out-String | Invoke-Expression
$FalWords = @{
    '' = @('run', 'submit', 'status', 'logs', 'result', 'cancel', 'stream', 'realtime', 'upload', 'completion', 'help', 'sandbox', '--version', '--sandbox', '--profile', '--json', '--quiet', '-q', '--verbose', '-v', '--no-color', '--help')
    'run' = @('--input', '-i', '--text', '-t', '--inline', '--path', '--method', '--priority', '--hint', '--start-timeout', '--webhook', '--max-queue', '--no-server-retry', '--tag', '--no-store', '--header', '-H', '--expires', '--print', '--query', '--output', '-o', '--directory', '-d', '--overwrite', '--timeout', '--on-timeout', '--on-interrupt', '--direct', '--logs', '--sandbox', '--profile', '--json', '--quiet', '-q', '--verbose', '-v', '--no-color', '--help')
    'submit' = @('--input', '-i', '--text', '-t', '--inline', '--path', '--method', '--priority', '--hint', '--start-timeout', '--webhook', '--max-queue', '--no-server-retry', '--tag', '--no-store', '--header', '-H', '--expires', '--print', '--sandbox', '--profile', '--json', '--quiet', '-q', '--verbose', '-v', '--no-color', '--help')
    'status' = @('--follow', '-f', '--logs', '--exit-status', '--timeout', '--print', '--query', '--sandbox', '--profile', '--json', '--quiet', '-q', '--verbose', '-v', '--no-color', '--help')
    'logs' = @('--follow', '-f', '--timeout', '--sandbox', '--profile', '--json', '--quiet', '-q', '--verbose', '-v', '--no-color', '--help')
    'result' = @('--print', '--query', '--output', '-o', '--directory', '-d', '--overwrite', '--wait', '--timeout', '--logs', '--sandbox', '--profile', '--json', '--quiet', '-q', '--verbose', '-v', '--no-color', '--help')
    'cancel' = @('--sandbox', '--profile', '--json', '--quiet', '-q', '--verbose', '-v', '--no-color', '--help')
    'stream' = @('--input', '-i', '--raw-text', '-t', '--inline', '--path', '--method', '--priority', '--hint', '--start-timeout', '--webhook', '--max-queue', '--no-server-retry', '--tag', '--no-store', '--header', '-H', '--expires', '--output', '-o', '--directory', '-d', '--overwrite', '--text', '--final', '--idle-timeout', '--sandbox', '--profile', '--json', '--quiet', '-q', '--verbose', '-v', '--no-color', '--help')
    'realtime' = @('--text', '-t', '--path', '--encoding', '--throttle', '--max-buffering', '--idle-timeout', '--directory', '-d', '--sandbox', '--profile', '--json', '--quiet', '-q', '--verbose', '-v', '--no-color', '--help')
    'upload' = @('--expires', '--acl', '--name', '--content-type', '--sandbox', '--profile', '--json', '--quiet', '-q', '--verbose', '-v', '--no-color', '--help')
    'completion' = @('bash', 'zsh', 'fish', 'powershell', '--sandbox', '--profile', '--json', '--quiet', '-q', '--verbose', '-v', '--no-color', '--help')
    'help' = @('--sandbox', '--profile', '--json', '--quiet', '-q', '--verbose', '-v', '--no-color', '--help')
    'subscribe' = @('--input', '-i', '--text', '-t', '--inline', '--path', '--method', '--priority', '--hint', '--start-timeout', '--webhook', '--max-queue', '--no-server-retry', '--tag', '--no-store', '--header', '-H', '--expires', '--print', '--query', '--output', '-o', '--directory', '-d', '--overwrite', '--timeout', '--on-timeout', '--on-interrupt', '--direct', '--logs', '--sandbox', '--profile', '--json', '--quiet', '-q', '--verbose', '-v', '--no-color', '--help')
    'sandbox' = @('serve', 'reset', 'stats', '--sandbox', '--profile', '--json', '--quiet', '-q', '--verbose', '-v', '--no-color', '--help')
    'sandbox serve' = @('--port', '--cert', '--key', '--fault', '--sandbox', '--profile', '--json', '--quiet', '-q', '--verbose', '-v', '--no-color', '--help')
    'sandbox reset' = @('--sandbox', '--profile', '--json', '--quiet', '-q', '--verbose', '-v', '--no-color', '--help')
    'sandbox stats' = @('--sandbox', '--profile', '--json', '--quiet', '-q', '--verbose', '-v', '--no-color', '--help')
}
Register-ArgumentCompleter -Native -CommandName fal, fal-cli -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)
    $path = ''
    foreach ($element in $commandAst.CommandElements | Select-Object -Skip 1) {
        $next = ("$path " + $element.ToString()).Trim()
        if ($FalWords.ContainsKey($next)) { $path = $next }
    }
    $FalWords[$path] | Where-Object { $_ -like "$wordToComplete*" } | ForEach-Object {
        [System.Management.Automation.CompletionResult]::new($_, $_, 'ParameterValue', $_)
    }
}
