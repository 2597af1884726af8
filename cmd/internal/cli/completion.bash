# Completion for NAME in bash.

_FUNCTION() {
	local current=$2 prefix= words=() word meaning i
	# Bash takes --flag=value apart at the "=".
	for ((i = 1; i <= COMP_CWORD; i++)); do
		word=${COMP_WORDS[i]}
		if ((i > 1)) && [[ ${words[${#words[@]} - 1]} == --* && ($word == = || ${COMP_WORDS[i - 1]} == =) ]]; then
			words[${#words[@]} - 1]+=$word
		else
			words+=("$word")
		fi
	done
	[[ $current != --*=* ]] || prefix=${current%%=*}=
	while IFS=$'\t' read -r word meaning; do
		if [[ $word == :4 ]]; then
			compopt +o default 2>/dev/null # no file names
		elif [[ $word != :* && $prefix$word == "$current"* ]]; then
			# Bash shows a list without inserting anything of it when TAB comes twice.
			[[ $COMP_TYPE -ne 63 || -z $meaning ]] || word+="  ($meaning)"
			COMPREPLY+=("$prefix$word")
		fi
	done < <("$1" __complete "${words[@]}" 2>/dev/null)
}

complete -o default -F _FUNCTION NAME
