/* turn.c -- preloaded into each rank: the first large message that any of them sends arrives
 * with another last byte, as by a link that no checksum of the network has caught. TURN_TOLD
 * names a file that all of them see: whoever can make it is the first. The sender's own bytes
 * stay what they are. */
#include <fcntl.h>
#include <mpi.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { large = 64 << 10 }; /* bytes of files; what ranks of a small tree tell is less */

static bool is_first(void)
{
    const char *name = getenv("TURN_TOLD");
    int fd = name ? open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644) : -1;

    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

/* A copy that stays for as long as the process lives: when it has been sent is not known
 * here. */
static const void *turned(const void *bytes, size_t size)
{
    static bool asked;
    unsigned char *copy;

    if (asked || size < large || !(copy = malloc(size)))
        return bytes;
    asked = true;
    if (!is_first()) {
        free(copy);
        return bytes;
    }
    memcpy(copy, bytes, size);
    copy[size - 1] ^= 1;
    return copy;
}

static size_t size_of(int count, MPI_Datatype type)
{
    int size;

    PMPI_Type_size(type, &size);
    return (size_t)count * (size_t)size;
}

int MPI_Isend(const void *bytes, int count, MPI_Datatype type, int to, int tag,
              MPI_Comm comm, MPI_Request *request)
{
    bytes = turned(bytes, size_of(count, type));
    return PMPI_Isend(bytes, count, type, to, tag, comm, request);
}

int MPI_Issend(const void *bytes, int count, MPI_Datatype type, int to, int tag,
               MPI_Comm comm, MPI_Request *request)
{
    bytes = turned(bytes, size_of(count, type));
    return PMPI_Issend(bytes, count, type, to, tag, comm, request);
}
