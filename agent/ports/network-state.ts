/** A connection over TCP that is established. Addresses are IPv4 or IPv6 without brackets; one of IPv4 in IPv6 is IPv4. */
export type TcpConnection = {
  readonly localAddress: string;
  readonly localPort: number;
  readonly remoteAddress: string;
  readonly remotePort: number;
  /** The network interface that has the local address; undefined where none has. */
  readonly interface: string | undefined;
};

/** A port on which somebody listens; over UDP: a socket that is bound and not connected. */
export type ListeningPort = {
  readonly port: number;
  /** The network interface that has the address it listens on; undefined where it listens on all. */
  readonly interface: string | undefined;
};

/** What went over a network interface since it is there. */
export type InterfaceCount = {
  readonly name: string;
  readonly bytesIn: number;
  readonly packetsIn: number;
  readonly bytesOut: number;
  readonly packetsOut: number;
};

/** The network of the machine at one moment. */
export type NetworkReading = {
  readonly connections: readonly TcpConnection[];
  readonly tcpPorts: readonly ListeningPort[];
  readonly udpPorts: readonly ListeningPort[];
  /** But for the loopback interface and CAN. */
  readonly interfaces: readonly InterfaceCount[];
  /** Lines of the kernel that were not understood, and tables that were too long and are cut, or are not there. */
  readonly unread: number;
};

/** Who tells what the network does. */
export interface NetworkState {
  /** Never rejects: what cannot be read is not in it, and counted. */
  read(): Promise<NetworkReading>;
}
