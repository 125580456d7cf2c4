/* For benches/bench_load.sh, in front of the C library: of each PUBLISH that is sent, how many ns its
 * time, at the end of the payload, is from the system call that sends it. Written at the end, one a
 * line, to the file that STAMP_OUT names. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <time.h>

#define MOST 100000
#define DIGITS 19
static long found[MOST];
static int count;

__attribute__((destructor)) static void write_found(void) {
    const char *name = getenv("STAMP_OUT");
    FILE *out = name ? fopen(name, "w") : NULL;
    for (int i = 0; out && i < count; i++) fprintf(out, "%ld\n", found[i]);
    if (out) fclose(out);
}

ssize_t send(int fd, const void *bytes, size_t len, int flags) {
    static ssize_t (*next)(int, const void *, size_t, int);
    if (!next) next = (ssize_t (*)(int, const void *, size_t, int))dlsym(RTLD_NEXT, "send");
    const unsigned char *packet = bytes;
    if (len > DIGITS && packet[0] >> 4 == 3 && count < MOST) {
        struct timespec now;
        clock_gettime(CLOCK_REALTIME, &now);
        long said = 0;
        for (int i = 0; i < DIGITS; i++) said = said * 10 + (packet[len - DIGITS + i] - '0');
        found[count++] = now.tv_sec * 1000000000L + now.tv_nsec - said;
    }
    return next(fd, bytes, len, flags);
}
