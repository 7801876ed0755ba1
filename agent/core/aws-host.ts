const AWS_HOST = /\.amazonaws\.com(\.cn)?$/i;

/** Whether it is the name of an endpoint of AWS, in any of its partitions. */
export function isAwsHost(host: string): boolean {
  return AWS_HOST.test(host);
}
