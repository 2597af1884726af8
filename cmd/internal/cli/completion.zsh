#compdef NAME
# Completion for NAME in zsh.

_NAME() {
	local line
	local -a found
	for line in "${(@f)$("${(Q)words[1]}" __complete "${(@Q)words[2,CURRENT]}" 2>/dev/null)}"; do
		found+=("${${line//:/\\:}/$'\t'/:}")
	done
	compset -P '--*='
	if [[ $found[-1] == '\:4' ]]; then
		found[-1]=()
		_describe -V NAME found
	else
		_files
	fi
}

if [[ $funcstack[1] == _NAME ]]; then
	_NAME "$@"
else
	compdef _NAME NAME
fi
