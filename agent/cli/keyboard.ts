import type { ReadStream } from "node:tty";
import type { Key, Keyboard } from "./context.ts";

/** The keyboard of a terminal. Ctrl-C is SIGINT as ever, by `interrupt`, although the terminal does not make it one meanwhile. */
export function keyboardOf(stdin: ReadStream, interrupt: () => void): Keyboard {
  return {
    listen: (onKey) => {
      // Loaded here: nearly no verb listens to keys, and all of them come through the file that offers it.
      process.getBuiltinModule("node:readline").emitKeypressEvents(stdin);
      const onPress = (text: string | undefined, { name, ctrl }: Pressed): void => {
        if (ctrl === true && name === "c") interrupt();
        else onKey(keyOf(text, name, ctrl === true));
      };
      stdin.on("keypress", onPress);
      stdin.setRawMode(true);
      stdin.resume();
      return () => {
        stdin.off("keypress", onPress);
        stdin.setRawMode(false);
        stdin.pause();
      };
    },
  };
}

/** What node:readline says of a key. */
type Pressed = { readonly name?: string | undefined; readonly ctrl?: boolean };

function keyOf(text: string | undefined, name: string | undefined, ctrl: boolean): Key {
  const typed = !ctrl && text !== undefined && /^[^\p{Cc}]+$/u.test(text) ? text : "";
  return { name: ctrl ? `ctrl-${name ?? ""}` : (name ?? typed), typed };
}
