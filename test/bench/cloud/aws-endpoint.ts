import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, type Server } from "node:http";

/** A request to a service of AWS, as it came. */
export type ServiceRequest = {
  readonly method: string;
  readonly url: URL;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
};

/** What is answered; `error` is the name of the exception, status 0 ends the connection instead. */
export type ServiceAnswer = { readonly status: number; readonly body: object; readonly error?: string };

/** An HTTP endpoint of AWS on 127.0.0.1, whose answers a test makes. Signatures of requests are not looked at. */
export class AwsEndpoint {
  readonly heard: ServiceRequest[] = [];
  readonly #server: Server;
  answer: (request: ServiceRequest) => ServiceAnswer | Promise<ServiceAnswer>;

  private constructor(answer: AwsEndpoint["answer"]) {
    this.answer = answer;
    this.#server = createServer((incoming, response) => {
      const chunks: Buffer[] = [];
      incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
      incoming.on("end", () => {
        const url = new URL(incoming.url ?? "", "http://service");
        const request = { method: incoming.method ?? "", url, headers: incoming.headers, body: Buffer.concat(chunks) };
        this.heard.push(request);
        void Promise.resolve(this.answer(request)).then(({ status, body, error }) => {
          if (status === 0) return incoming.socket.destroy();
          const type = error === undefined ? {} : { "x-amzn-errortype": error };
          return response.writeHead(status, { "content-type": "application/json", ...type }).end(JSON.stringify(body));
        });
      });
    });
  }

  static async start(answer: AwsEndpoint["answer"]): Promise<AwsEndpoint> {
    const endpoint = new AwsEndpoint(answer);
    endpoint.#server.listen(0, "127.0.0.1");
    await once(endpoint.#server, "listening");
    return endpoint;
  }

  get url(): string {
    const address = this.#server.address();
    if (address === null || typeof address === "string") throw new Error("no port");
    return `http://127.0.0.1:${address.port}`;
  }

  stop(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }
}
