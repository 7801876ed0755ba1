import { authorityCommand } from "../cloud/authority-process.ts";
import { createAuthority } from "../cloud/certificate-authority.ts";
import { emit, onCommands } from "../core/line-protocol.ts";

const [folder] = process.argv.slice(2);
if (folder === undefined) throw new Error("usage: authority.ts FOLDER");
const authority = createAuthority(folder);

onCommands(authorityCommand, ({ number, publicKeyPem, subjectAltNames, days, commonName, usage }) => {
  void authority
    .issue({
      commonName,
      usage,
      ...(publicKeyPem === undefined ? {} : { publicKeyPem }),
      ...(subjectAltNames === undefined ? {} : { subjectAltNames }),
      ...(days === undefined ? {} : { days }),
    })
    .then((issued) => emit({ kind: "issued", number, ...issued }));
});
emit({ kind: "ready", caFile: authority.caFile });
