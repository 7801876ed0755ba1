import { readFileSync } from "node:fs";
import { ClientTlsContext, TlsContextOptions, TlsVersion } from "aws-crt/dist/native/io.js";
import { Mqtt5Client, QoS } from "aws-crt/dist/native/mqtt5.js";

// The least that the SDK needs from the start of a process to its first PUBACK: `bare-client.ts PORT CLIENT-ID CA CERTIFICATE KEY TOPIC`.

const [, , port = "", clientId = "", caFile = "", certificateFile = "", keyFile = "", topicName = ""] = process.argv;
const read = (file: string): string => readFileSync(file, "utf8");
const options = TlsContextOptions.create_client_with_mtls(read(certificateFile), read(keyFile));
options.override_default_trust_store(read(caFile));
options.min_tls_version = TlsVersion.TLSv1_2;
const client = new Mqtt5Client({
  hostName: "localhost",
  port: Number(port),
  tlsCtx: new ClientTlsContext(options),
  connectProperties: { clientId, keepAliveIntervalSeconds: 30 },
});
client.on("connectionSuccess", () => {
  void client.publish({ topicName, qos: QoS.AtLeastOnce, payload: "bare" }).then(() => {
    process.stdout.write("acknowledged\n");
  });
});
client.start();
