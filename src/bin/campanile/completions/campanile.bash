# Completion of campanile for bash: commands, options, ids, and queries with what is stored.
_campanile() {
  local word
  COMPREPLY=()
  while IFS= read -r word; do
    COMPREPLY+=("$word")
  done < <("$1" complete bash "${COMP_LINE:0:COMP_POINT}" "$COMP_WORDBREAKS" 2>/dev/null)
}
complete -o nosort -o nospace -o default -F _campanile campanile 2>/dev/null ||
  complete -o nospace -o default -F _campanile campanile
