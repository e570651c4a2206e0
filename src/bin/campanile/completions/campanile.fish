# Completion of campanile for fish: commands, options, ids, and queries with what is stored.
complete -c campanile -f -k -a '(campanile complete fish (commandline -cp) 2>/dev/null)'
complete -c campanile -l store -r -F
complete -c campanile -l out -r -F
