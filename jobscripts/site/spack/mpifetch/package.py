# For a repository of your own: spack repo create, then this folder below its packages/.
from spack_repo.builtin.build_systems.cmake import CMakePackage

from spack.package import *


class Mpifetch(CMakePackage):
    """Fetch, verify and publish files with all ranks of an MPI job: from the Hugging Face
    Hub, HTTPS servers and file systems, to one directory on a shared file system or to one
    on each node."""

    homepage = "https://example.org/mpifetch"
    # A tarball beside this file, made by:
    #     git archive --prefix mpifetch-0.1.0/ -o mpifetch-0.1.0.tar.gz HEAD
    # Put its digest (sha256sum) into version() below, or install with --no-checksum.
    url = "file:///path/to/mpifetch-0.1.0.tar.gz"

    license("BSD-3-Clause")

    version("0.1.0")

    depends_on("c", type="build")
    depends_on("cmake@3.20:", type="build")
    depends_on("pkgconfig", type="build")

    depends_on("mpi@3.1:")
    depends_on("curl@7.76:")
    depends_on("openssl@3:")
    depends_on("jansson@2.14:")
    depends_on("xxhash@0.8:")

    def cmake_args(self):
        return [
            self.define("MPIFETCH_TESTS", False),
            self.define("MPIFETCH_WERROR", False),
            self.define("MPI_C_COMPILER", self.spec["mpi"].mpicc),
        ]

    def test_version(self):
        """the installed program starts"""
        program = which(self.prefix.bin.mpifetch)
        assert str(self.version) in program("--version", output=str.split, error=str.split)
