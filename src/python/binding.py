"""binding.py HEADER OUT: writes OUT, the C source of mpifetch._binding.

The structs and enums come from mpifetch.h itself, and the C compiler compares what cffi made of
them with the header. Python sees no MPI: a communicator is the address of its handle, or NULL."""

import re
import sys
from pathlib import Path

from cffi import FFI

SHIMS = """
struct binding_watch { int stop; ...; };
const char *binding_program(void);
int binding_init(void);
void binding_finalize(void);
int binding_is_initialized(void);
int binding_is_main(void);
int binding_size(const void *comm);
int binding_rank(const void *comm);
uintptr_t binding_world(void);
size_t binding_handle_size(void);
int binding_library(char *text, int size);
int binding_agree(const void *comm, char *text, int size);
int binding_memory_file(void);
int binding_get(const void *comm, struct mpifetch_options *options,
                struct mpifetch_report *report, struct binding_watch *watch);
int binding_get_several(const void *comm, struct mpifetch_options *options, size_t count,
                        struct mpifetch_report *reports, struct binding_watch *watch);
int binding_verify(const void *comm, struct mpifetch_options *options,
                   struct mpifetch_report *report, struct binding_watch *watch);
extern "Python" void binding_progressed(void *arg, uint64_t bytes, uint64_t total);
"""

SOURCE = r"""
#include <mpifetch.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* Of a call that runs. Python's own handler notes a signal and Python acts on it between two of
 * its lines; there are none before the call returns, so it is asked here. */
struct binding_watch {
    int stop; /* set by a handler in Python: end the call */
    double next;
};

static const double WATCH_EVERY = 0.05; /* seconds */

static int binding_interrupted(void *arg)
{
    struct binding_watch *watch = arg;
    struct timespec time;
    PyGILState_STATE state;
    double now;

    clock_gettime(CLOCK_MONOTONIC_COARSE, &time);
    now = (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
    if (watch->stop || now < watch->next)
        return watch->stop;
    watch->next = now + WATCH_EVERY;
    state = PyGILState_Ensure();
    if (PyErr_CheckSignals() < 0) {
        PyErr_WriteUnraisable(NULL);
        watch->stop = 1;
    }
    PyGILState_Release(state);
    return watch->stop;
}

/* That of the library which is linked to; "" if it is a part of the package. */
static const char *binding_program(void)
{
    return BINDING_PROGRAM;
}

static MPI_Comm binding_comm(const void *comm)
{
    return comm ? *(const MPI_Comm *)comm : MPI_COMM_WORLD;
}

static int binding_is_initialized(void)
{
    int begun = 0, over = 0;

    MPI_Initialized(&begun);
    MPI_Finalized(&over);
    return over ? -1 : begun;
}

/* 0, or the level of threads that MPI offers is too low. */
static int binding_init(void)
{
    int provided;

    return MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &provided) != MPI_SUCCESS ||
           provided < MPI_THREAD_FUNNELED;
}

static void binding_finalize(void)
{
    if (binding_is_initialized() == 1)
        MPI_Finalize();
}

static int binding_is_main(void)
{
    int is = 0, level = 0;

    MPI_Query_thread(&level);
    MPI_Is_thread_main(&is);
    return level >= MPI_THREAD_FUNNELED && (is || level == MPI_THREAD_MULTIPLE);
}

static int binding_size(const void *comm)
{
    int size = 1;

    MPI_Comm_size(binding_comm(comm), &size);
    return size;
}

static int binding_rank(const void *comm)
{
    int rank = 0;

    MPI_Comm_rank(binding_comm(comm), &rank);
    return rank;
}

/* The bits of MPI_COMM_WORLD. */
static uintptr_t binding_world(void)
{
    MPI_Comm world = MPI_COMM_WORLD;
    uintptr_t bits = 0;

    memcpy(&bits, &world, sizeof(world) < sizeof(bits) ? sizeof(world) : sizeof(bits));
    return bits;
}

static size_t binding_handle_size(void)
{
    return sizeof(MPI_Comm);
}

static int binding_library(char *text, int size)
{
    char whole[MPI_MAX_LIBRARY_VERSION_STRING];
    int length = 0;

    MPI_Get_library_version(whole, &length);
    if (length >= size)
        length = size - 1;
    memcpy(text, whole, (size_t)length);
    return length;
}

/* Collective. text: why this rank cannot make a call, or ""; then what the lowest such rank says,
 * which is returned; -1: all can. */
static int binding_agree(const void *comm, char *text, int size)
{
    struct timespec nap = { 0, 100000 }; /* a waiting rank sleeps, as in the call itself */
    MPI_Request request;
    int rank = binding_rank(comm), ranks = binding_size(comm);
    int mine = *text ? rank : ranks, lowest = ranks, done = 0;

    MPI_Iallreduce(&mine, &lowest, 1, MPI_INT, MPI_MIN, binding_comm(comm), &request);
    for (MPI_Test(&request, &done, MPI_STATUS_IGNORE); !done;
         MPI_Test(&request, &done, MPI_STATUS_IGNORE)) {
        nanosleep(&nap, NULL);
        if (nap.tv_nsec < 2000000)
            nap.tv_nsec *= 2;
    }
    if (lowest == ranks)
        return -1;
    MPI_Bcast(text, size, MPI_CHAR, lowest, binding_comm(comm));
    return lowest;
}

/* os.memfd_create is missing where Python was compiled for an old C library, as conda's. */
static int binding_memory_file(void)
{
    return (int)syscall(SYS_memfd_create, "token", 1u /* MFD_CLOEXEC */);
}

static int binding_get(const void *comm, struct mpifetch_options *options,
                       struct mpifetch_report *report, struct binding_watch *watch)
{
    options->interrupted = binding_interrupted;
    options->interrupted_arg = watch;
    return mpifetch_get(binding_comm(comm), options, report);
}

/* Of what is no matter of a source the first of options counts. */
static int binding_get_several(const void *comm, struct mpifetch_options *options,
                               size_t count, struct mpifetch_report *reports,
                               struct binding_watch *watch)
{
    options->interrupted = binding_interrupted;
    options->interrupted_arg = watch;
    return mpifetch_get_several(binding_comm(comm), options, count, reports);
}

static int binding_verify(const void *comm, struct mpifetch_options *options,
                          struct mpifetch_report *report, struct binding_watch *watch)
{
    options->interrupted = binding_interrupted;
    options->interrupted_arg = watch;
    return mpifetch_verify(binding_comm(comm), options, report);
}
"""


def declarations(text):
    """What mpifetch.h declares, without comments, macros, and what needs mpi.h."""
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
    text = re.sub(r"^#ifdef __cplusplus$.*?^#endif$", "", text, flags=re.DOTALL | re.MULTILINE)
    text = re.sub(r"^#.*$", "", text, flags=re.MULTILINE).replace("MPIFETCH_API", "")
    functions = re.compile(r"^\s*[\w\s*]+\([^;{}]*\bMPI_Comm\b[^;{}]*\);", re.MULTILINE)
    return functions.sub("", text)


def main():
    header, out = map(Path, sys.argv[1:])
    ffi = FFI()
    ffi.cdef(declarations(header.read_text()) + SHIMS)
    ffi.set_source("mpifetch._binding", SOURCE)
    ffi.emit_c_code(str(out))


if __name__ == "__main__":
    main()
