/** What steps learn on their way, by name: an account, an endpoint, a certificate. */
export type Values = ReadonlyMap<string, string>;

/**
 * One thing that deploying does. `says` is what for. In commands `{name}` stands for a value that an earlier step has learnt.
 *
 * "run": a command. `learns` takes values out of the JSON that it prints, by a path such as "keyPair.PrivateKey", or all of it by "".
 * `stdin` names a value that it reads, which is never shown; `file` one that it finds in the file `{file}`, which is only there meanwhile
 * (the AWS CLI opens /dev/stdin by its name, which a socket has none of). One that fails with `absent` in its message has only learnt nothing.
 * "each": a command gives a list, and steps are done for each item, as `{item}`. "make": a value is made here, without a command.
 * Any of them is left out where the value `unless` is known.
 */
export type Step = { readonly says: string; readonly unless?: string } & (
  | {
      readonly kind: "run";
      readonly command: readonly string[];
      readonly learns?: Readonly<Record<string, string>>;
      readonly stdin?: string;
      readonly file?: string;
      readonly absent?: RegExp;
    }
  | {
      readonly kind: "each";
      readonly command: readonly string[];
      readonly path: string;
      readonly absent?: RegExp;
      readonly steps: readonly Step[];
    }
  | { readonly kind: "make"; readonly learns: string; make(values: Values): Promise<string> }
);

/** A command of the AWS CLI that answers in JSON. */
export function aws(service: string, operation: string, region: string): readonly string[] {
  return ["aws", service, operation, "--region", region, "--output", "json"];
}

/** Learns `endpoint`, the host of the account's data endpoint. */
export function endpointStep(region: string): Step {
  return {
    kind: "run",
    says: "where devices connect",
    command: [...aws("iot", "describe-endpoint", region), "--endpoint-type", "iot:Data-ATS"],
    learns: { endpoint: "endpointAddress" },
  };
}

/** A command as a shell would take it. */
export function shellText(command: readonly string[]): string {
  return command
    .map((word) => (/^[\w@%+=:,./{}-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`))
    .join(" ");
}

/** A command with what has been learnt; throws for what has not. */
export function filled(command: readonly string[], values: Values): readonly string[] {
  return command.map((word) =>
    word.replace(/\{([a-z]\w*)\}/g, (_, name: string) => {
      const value = values.get(name);
      if (value === undefined) throw new Error(`${name} is not known yet: ${shellText(command)}`);
      return value;
    }),
  );
}
