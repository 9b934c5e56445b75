/* turn.c -- preloaded into one rank: the first large message that it sends arrives with
 * another last byte, as by a link that no checksum of the network has caught. TURN_TOLD
 * names a file that says so. The sender's own bytes stay what they are. */
#include <mpi.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { large = 64 << 10 };

static void tell(void)
{
    const char *name = getenv("TURN_TOLD");
    FILE *file = name ? fopen(name, "ae") : NULL;

    if (!file)
        return;
    fputs("turned\n", file);
    fclose(file);
}

/* A copy that stays for as long as the process lives: when it has been sent is not known
 * here. */
static const void *turned(const void *bytes, size_t size)
{
    static bool done;
    unsigned char *copy;

    if (done || size < large || !(copy = malloc(size)))
        return bytes;
    done = true;
    memcpy(copy, bytes, size);
    copy[size - 1] ^= 1;
    tell();
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
