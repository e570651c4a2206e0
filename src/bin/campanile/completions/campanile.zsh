#compdef campanile
# Completion of campanile for zsh: commands, options, ids, and queries with what is stored.
_campanile() {
  local -a texts labels
  local text label
  # The buffer itself lacks the quote that is open.
  local line="${(j: :)words[1,CURRENT-1]} $QIPREFIX$PREFIX"
  while IFS=$'\t' read -r text label; do
    texts+=("$text")
    labels+=("$label")
  done < <(campanile complete zsh "$line" 2>/dev/null)
  if (( $#texts )); then
    compadd -U -Q -V campanile -S '' -l -d labels -a -- texts
  else
    _files
  fi
}
if [ "$funcstack[1]" = "_campanile" ]; then
  _campanile "$@"
else
  compdef _campanile campanile
fi
