// Makes the completion scripts for shells. A completion script passes the typed words to `quater completion query`. The query
// prints one candidate per line, with a tab between the candidate and its description.

export const shells = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof shells)[number];

export const scripts: Readonly<Record<Shell, string>> = {
  bash: String.raw`# Completion of quater for bash. Add this line to ~/.bashrc:
#   eval "$(quater completion bash)"
_quater() {
  local word line current prefix files last i
  local -a typed
  typed=()
  COMPREPLY=()
  # bash splits --flag=value into three words.
  for ((i = 1; i <= COMP_CWORD; i++)); do
    word=${"$"}{COMP_WORDS[i]}
    last=$((${"$"}{#typed[@]} - 1))
    if [[ $last -ge 0 && ( $word == "=" || ${"$"}{COMP_WORDS[i - 1]} == "=" ) ]]; then
      typed[last]=${"$"}{typed[last]}$word
    else
      typed+=("$word")
    fi
  done
  current=${"$"}{typed[${"$"}{#typed[@]} - 1]}
  prefix=
  if [[ $current == --*=* ]]; then prefix=${"$"}{current%%=*}=; fi
  while IFS= read -r line; do
    if [[ $line == ":files" ]]; then
      files=1
    else
      line=${"$"}{line%%$'\t'*}
      COMPREPLY+=("${"$"}{line#"$prefix"}")
    fi
  done < <(command quater completion query -- "${"$"}{typed[@]}" 2>/dev/null)
  if [[ -n $files ]]; then compopt -o default 2>/dev/null; fi
}
complete -F _quater quater
`,
  zsh: String.raw`#compdef quater
# Completion of quater for zsh. Add these lines to ~/.zshrc:
#   autoload -Uz compinit && compinit
#   eval "$(quater completion zsh)"
_quater() {
  local line word files
  local -a described
  while IFS= read -r line; do
    if [[ $line == ":files" ]]; then
      files=1
    else
      word=${"$"}{line%%$'\t'*}
      if [[ $line == *$'\t'* ]]; then
        described+=("${"$"}{word}:${"$"}{line#*$'\t'}")
      else
        described+=("$word")
      fi
    fi
  done < <(command quater completion query -- "${"$"}{(@)words[2,CURRENT]}" 2>/dev/null)
  if [[ -n $files ]]; then
    _files
  elif (( ${"$"}{#described} )); then
    _describe -t quater quater described
  fi
}
if [[ "$funcstack[1]" == "_quater" ]]; then
  _quater "$@"
else
  compdef _quater quater
fi
`,
  fish: String.raw`# Completion of quater for fish. Write it to a file that fish reads:
#   quater completion fish > ~/.config/fish/completions/quater.fish
function __quater_complete
  set -l typed (commandline -opc)
  set -e typed[1]
  set -l current (commandline -ct)
  set -l found (command quater completion query -- $typed "$current" 2>/dev/null)
  if contains -- ':files' $found
    __fish_complete_path "$current"
  else
    printf '%s\n' $found
  end
end
complete -c quater -f -a '(__quater_complete)'
`,
};
