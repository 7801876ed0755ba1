/** The receive addon, from the folder of the packed code. */
const ADDON = "./native/build/Release/can_receive.node";

/** Path of aws-crt's native library from the folder of the packed code, as an expression within a template. */
export const AWS_CRT_LIBRARY = `../node_modules/aws-crt/dist/bin/linux-\${process.arch}-glibc/aws-crt-nodejs.node`;

/** Does nothing where the addon is missing or another: the library is then loaded by whoever asks for it first, as anywhere else. */
const tried = (code: string): string => `try { require("${ADDON}").${code}; } catch {}`;

/**
 * First lines of the packed files of the daemon, by chunk. What is loaded first begins to load aws-crt's library on a thread (drivers/can/native,
 * early-library.h), while this one loads the code and all that comes before the link in it; `awaitEarlyLibrary` is called where that is asked for.
 */
export const EARLY_LIBRARY: Readonly<Record<string, string>> = {
  daemon: tried(`beginLibrary(\`\${__dirname}/${AWS_CRT_LIBRARY}\`)`),
  always: `function awaitEarlyLibrary() { ${tried("awaitLibrary()")} }`,
};
