/* As publish.c, in the protobuf form: config/proto/program.proto, written by hand. Usage: publish-protobuf NAME NUMBER [SOCKET] */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
int main(int argc, char **argv) {
  struct sockaddr_un to = {.sun_family = AF_UNIX, .sun_path = "/run/causeway/publish.sock"};
  if (argc > 3) snprintf(to.sun_path, sizeof to.sun_path, "%s", argv[3]);
  int agent = socket(AF_UNIX, SOCK_STREAM, 0), name = argc > 2 ? (int)strlen(argv[1]) : 101;
  if (name > 100 || connect(agent, (struct sockaddr *)&to, sizeof to) != 0) return perror(to.sun_path), 1;
  FILE *stream = fdopen(agent, "r+");
  double number = atof(argv[2]); /* 8 bytes, little endian first */
  fwrite("\0\x0e\x0a\x0c\x0a\x0a" "door-watch", 1, 16, stream);                          /* FromProgram.name */
  fprintf(stream, "%c\x12%c\x12%c\x0a%c%s\x11", name + 15, name + 13, name + 11, name, argv[1]); /* .values */
  fwrite(&number, sizeof number, 1, stream);
  fflush(stream);
  unsigned char kind[2] = {0};
  for (int answer = 0; answer < 2; answer++) /* each has a length and a kind: named 1, stored 2, error 4 */
    for (int at = fread(kind, 1, 2, stream) == 2 ? kind[0] - 1 : 0; at > 0; at--) fgetc(stream);
  return kind[1] == (2 << 3 | 2) ? 0 : (fputs("not stored\n", stderr), 1);
}
