# Completion for NAME in fish.

# Asks for the candidates; fails where there are none but file names, which fish completes.
function __FUNCTION_complete
	set -l words (commandline -opc)
	set -l current (commandline -ct)
	set -l found ($words[1] __complete $words[2..-1] $current 2>/dev/null)
	test "$found[-1]" = :4
	or return 1
	set -g __FUNCTION_found (string match -r -- '^--[^=]*=' $current; or echo)$found[1..-2]
end

complete -c NAME -n __FUNCTION_complete -f -a '$__FUNCTION_found'
