import type { ArgumentHelp, CommandHelp, OptionHelp } from "./command-tree.ts";

/** Every node of the tree, the program itself first. */
function nodesOf(command: CommandHelp): CommandHelp[] {
  return [command, ...command.commands.flatMap(nodesOf)];
}

/** The words that lead to a node, as the generated shell functions collect them: " config show". */
function keyOf(command: CommandHelp): string {
  return command.path.map((word) => ` ${word}`).join("");
}

function namesOf(option: OptionHelp): string[] {
  return [option.short, option.long].filter((name) => name !== undefined);
}

function nameOf(command: CommandHelp): string {
  return command.path.at(-1) ?? "";
}

/** Completion for bash (bash-completion's folder of functions that are loaded at their first use). */
export function bashCompletion(tree: CommandHelp): string {
  const nodes = nodesOf(tree);
  const known = nodes.slice(1).map((node) => `'${keyOf(node)}'`);
  const values = nodes.flatMap((node) =>
    node.options
      .filter(({ value }) => value !== "none")
      .map((option) => {
        // The program's own options may stand behind any verb.
        const at = node.path.length === 0 ? "*" : `'${keyOf(node)}'`;
        return `    ${namesOf(option)
          .map((name) => `${at}:${name}`)
          .join("|")}) echo ${bashValue(option)} ;;`;
      }),
  );
  const words = nodes.map((node) => `    '${keyOf(node)}') echo '${bashWords(node, tree)}' ;;`);
  const files = nodes.filter((node) => node.arguments.some(({ isFile }) => isFile)).map((node) => `'${keyOf(node)}'`);
  return `# bash completion for causeway. Generated from the program's own command tree.
_causeway_value() {
  case $1:$2 in
${values.join("\n")}
  esac
}
_causeway_words() {
  case $1 in
${words.join("\n")}
  esac
}
_causeway() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD - 1]} path= word value= i
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=\${COMP_WORDS[i]}
    if [[ $word == -* ]]; then
      [[ -n $(_causeway_value "$path" "$word") ]] && ((i++))
      continue
    fi
    case "$path $word" in
      ${known.join(" | ")}) path="$path $word" ;;
    esac
  done
  [[ $previous == -* ]] && value=$(_causeway_value "$path" "$previous")
  case $value in
    file) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$current"); return ;;
    word) return ;;
    choice:*) mapfile -t COMPREPLY < <(compgen -W "\${value#choice:}" -- "$current"); return ;;
  esac
  mapfile -t COMPREPLY < <(compgen -W "$(_causeway_words "$path")" -- "$current")
  case $path in
    ${files.length === 0 ? "'-'" : files.join(" | ")})
      [[ $current == -* ]] || { compopt -o filenames; mapfile -t -O "\${#COMPREPLY[@]}" COMPREPLY < <(compgen -f -- "$current"); } ;;
  esac
}
complete -F _causeway causeway
`;
}

function bashValue(option: OptionHelp): string {
  return option.choices.length > 0 ? `'choice:${option.choices.join(" ")}'` : option.value;
}

function bashWords(node: CommandHelp, tree: CommandHelp): string {
  const options = node === tree ? tree.options : [...node.options, ...tree.options];
  const choices = node.arguments.flatMap((argument) => argument.choices);
  return [...node.commands.map(nameOf), ...choices, ...options.flatMap(({ long }) => long ?? []), "--help"].join(" ");
}

/** Completion for zsh, one function a verb. */
export function zshCompletion(tree: CommandHelp): string {
  return `#compdef causeway
# Generated from the program's own command tree.
${nodesOf(tree)
  .map((node) => zshFunction(node, tree))
  .join("\n")}
_causeway "$@"
`;
}

function zshFunction(node: CommandHelp, tree: CommandHelp): string {
  const options = node === tree ? tree.options : [...node.options, ...tree.options];
  const specs = options.flatMap((option) =>
    namesOf(option).map((name) => quote(`${name}[${zshText(option.description)}]${zshValue(option)}`)),
  );
  const lines = [
    "--help[show help]",
    ...(node.commands.length > 0 ? ["1: :->verb", "*:: :->rest"] : node.arguments.map(zshArgument)),
  ];
  const parts = [...specs, ...lines.map(quote)].map((spec) => `    ${spec}`).join(" \\\n");
  const name = `_causeway${node.path.map((word) => `_${word}`).join("")}`;
  if (node.commands.length === 0) return `${name}() {\n  _arguments -s \\\n${parts}\n}`;
  const verbs = node.commands
    .map((child) => `    ${quote(`${nameOf(child)}:${zshText(child.description)}`)}`)
    .join("\n");
  return `${name}() {
  local state line curcontext=$curcontext
  local -a verbs=(
${verbs}
  )
  _arguments -C \\
${parts}
  case $state in
    verb) _describe verb verbs ;;
    rest) (( $+functions[${name}_$words[1]] )) && ${name}_$words[1] ;;
  esac
}`;
}

function zshArgument(argument: ArgumentHelp, index: number): string {
  const position = argument.isVariadic ? "*" : String(index + 1);
  const action = argument.choices.length > 0 ? `(${argument.choices.join(" ")})` : argument.isFile ? "_files" : " ";
  return `${position}:${zshText(argument.usage)}:${action}`;
}

function zshValue({ value, choices }: OptionHelp): string {
  if (value === "none") return "";
  return `:value:${choices.length > 0 ? `(${choices.join(" ")})` : value === "file" ? "_files" : " "}`;
}

function zshText(text: string): string {
  return text.replaceAll(/[[\]:\\]/g, (character) => `\\${character}`);
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** Completion for fish. */
export function fishCompletion(tree: CommandHelp): string {
  const nodes = nodesOf(tree);
  const known = nodes.slice(1).map((node) => `'${keyOf(node)}'`);
  return `# Generated from the program's own command tree.
function __causeway_at --description 'whether the words so far lead to this verb'
    set -l path ''
    for word in (commandline -opc)[2..-1]
        switch "$path $word"
            case ${known.join(" ")}
                set path "$path $word"
        end
    end
    test "$path" = "$argv[1]"
end
complete -c causeway -f
${nodes.flatMap(fishLines).join("\n")}
`;
}

function fishLines(node: CommandHelp): string[] {
  const at = `complete -c causeway -n "__causeway_at '${keyOf(node)}'"`;
  // The program's own options may stand behind any verb.
  const options = node.path.length === 0 ? "complete -c causeway" : at;
  return [
    ...node.commands.map((child) => `${at} -a ${nameOf(child)} -d ${fishQuote(child.description)}`),
    ...node.arguments.flatMap(({ choices }) => choices.map((choice) => `${at} -a ${choice}`)),
    ...(node.arguments.some(({ isFile }) => isFile) ? [`${at} -F`] : []),
    ...node.options.map(
      (option) => `${options}${fishNames(option)}${fishValue(option)} -d ${fishQuote(option.description)}`,
    ),
  ];
}

function fishNames({ short, long }: OptionHelp): string {
  return `${short === undefined ? "" : ` -s ${short.slice(1)}`}${long === undefined ? "" : ` -l ${long.slice(2)}`}`;
}

function fishValue({ value, choices }: OptionHelp): string {
  if (value === "none") return "";
  if (choices.length > 0) return ` -x -a ${fishQuote(choices.join(" "))}`;
  return value === "file" ? " -r -F" : " -x";
}

function fishQuote(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}
