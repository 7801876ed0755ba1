const AWS_HOST = /\.amazonaws\.com(\.cn)?$/i;

/** Whether it is the name of an endpoint of AWS, in any of its partitions. */
export function isAwsHost(host: string): boolean {
  return AWS_HOST.test(host);
}

/** Whether the broker is AWS IoT Core, as far as its settings tell: by its host name, or because it asks for what only AWS needs (a domain of one's own). */
export function isAwsBroker({ host, pacing, alpn }: Readonly<Record<"host" | "pacing" | "alpn", string>>): boolean {
  return isAwsHost(host) || pacing === "aws" || alpn === "aws";
}
