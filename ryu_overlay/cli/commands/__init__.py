"""The commands, one file for each group of them; `main.COMMANDS` says which file is loaded for which command."""
