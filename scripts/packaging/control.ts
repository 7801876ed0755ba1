import type { NpmPackage } from "./npm-closure.ts";
import { NODE_VERSION, type Target } from "./target.ts";

/** What a package says about itself. */
export type Release = {
  /** From package.json. */
  readonly version: string;
  /** Debian's version: `version`, and which packaging of it. */
  readonly debianVersion: string;
  readonly summary: string;
  /** "Name <address>". */
  readonly maintainer: string;
  /** Of the commit that is packed, seconds since the Unix epoch. */
  readonly epochSeconds: number;
};

/**
 * What an installed package needs. glibc 2.34 is the floor of the prebuilt binaries; `checkBinaries` refuses one that needs more.
 * tpm-udev brings the group tss that may open /dev/tpmrm0.
 */
const DEPENDS = [
  "libc6 (>= 2.34)",
  "libgcc-s1",
  "libstdc++6 (>= 12)",
  "libtpm2-pkcs11-1",
  "tpm2-tools",
  "tpm-udev",
  "systemd (>= 250)",
  "debconf (>= 0.5) | debconf-2.0",
] as const;

/** The control file of one package (deb-control(5)). */
export function controlFile(release: Release, target: Target, installedKib: number): string {
  return `Package: causeway
Version: ${release.debianVersion}
Architecture: ${target.architecture}
Maintainer: ${release.maintainer}
Installed-Size: ${installedKib}
Depends: ${DEPENDS.join(", ")}
Recommends: can-utils
Suggests: mosquitto-clients, protobuf-compiler
Section: net
Priority: optional
Description: ${summaryLine(release.summary)}
 Causeway reads CAN through SocketCAN, decodes signals with DBC files, collects
 what its configuration asks for, stores every record in SQLite while the link
 is down, and publishes over MQTT 5 with mutual TLS from a key that never
 leaves the TPM. What is lost is counted and reported.
 .
 The package brings its own Node ${NODE_VERSION.split(".")[0]}.
`;
}

function summaryLine(summary: string): string {
  return summary.charAt(0).toLowerCase() + summary.slice(1);
}

/** Debian's changelog of this version (deb-changelog(5)); the project's own is beside it. */
export function debianChangelog({ version, debianVersion, maintainer, epochSeconds }: Release): string {
  const date = new Date(epochSeconds * 1000).toUTCString().replace("GMT", "+0000");
  return `causeway (${debianVersion}) stable; urgency=medium

  * Version ${version}; what changed is in changelog.gz.

 -- ${maintainer}  ${date}
`;
}

/** One npm package that is packed, with the texts under which it may be passed on. */
export type Bundled = Pick<NpmPackage, "name" | "version" | "license"> & { readonly texts: readonly string[] };

/** The copyright file: our licence, and that of everything packed with it. */
export function copyrightFile(bundled: readonly Bundled[]): string {
  const parts = bundled.map(({ name, version, license, texts }) => {
    const shown = texts.filter((text) => !isApache(text)).map(withoutGpl);
    const apache = /apache/i.test(license) ? [APACHE] : [];
    return [`${"-".repeat(79)}\n${name} ${version} (${license})`, ...apache, ...shown].join("\n\n");
  });
  return `Causeway
Copyright 2026 the Causeway authors
License: Apache-2.0

${APACHE}

The package holds other projects' work. Node.js ${NODE_VERSION} is under the MIT license, the parts in it under their own: their
texts are in /usr/share/doc/causeway/nodejs-license.gz. The others are under these terms:

${parts.join("\n\n")}
`;
}

const APACHE = "On Debian systems the text of the Apache License 2.0 is in /usr/share/common-licenses/Apache-2.0.";

/** A text that offers the GPL as the other choice names it instead, as Debian policy (12.5) asks. */
function withoutGpl(text: string): string {
  const start = text.search(/^(-{5,}\n)?\s*GNU GENERAL PUBLIC LICENSE$/m);
  const place = "On Debian systems the text of the GPL version 2 is in /usr/share/common-licenses/GPL-2.";
  return start < 0 ? text : `${text.slice(0, start).trimEnd()}\n\n${place}`;
}

function isApache(text: string): boolean {
  return /Apache License\s+Version 2\.0/.test(text) && text.length < 15_000;
}
