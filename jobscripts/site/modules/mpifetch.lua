-- For Lmod: copy to MODULEPATH/mpifetch/VERSION.lua and set the prefix that
-- "cmake --install --prefix" was given. The version is the name of the file.
local version = myModuleVersion()
local prefix = pathJoin("/opt/mpifetch", version)
-- Where cmake has put the library: that depends on the system.
local lib = pathJoin(prefix, "lib")
for _, dir in ipairs({ "lib64", "lib/x86_64-linux-gnu", "lib/aarch64-linux-gnu" }) do
    if isFile(pathJoin(prefix, dir, "libmpifetch.so")) then
        lib = pathJoin(prefix, dir)
    end
end

help([[
Fetch, verify and publish files with all ranks of an MPI job.
mpifetch --help, man mpifetch
]])
whatis("Name: mpifetch")
whatis("Version: " .. version)
whatis("Description: fetch, verify and publish files with all ranks of an MPI job")

-- The MPI that it was built with, by the name that it has here:
-- depends_on("openmpi")

setenv("MPIFETCH_ROOT", prefix)
prepend_path("PATH", pathJoin(prefix, "bin"))
-- An empty element stands for what man looks through by itself.
append_path("MANPATH", "")
prepend_path("MANPATH", pathJoin(prefix, "share/man"))
prepend_path("LD_LIBRARY_PATH", lib)
prepend_path("PKG_CONFIG_PATH", pathJoin(lib, "pkgconfig"))
prepend_path("CMAKE_PREFIX_PATH", prefix)
-- bash-completion and fish look here; for zsh see README.md. Others look here as well, so what
-- counts where nothing is set is said, and may stay.
if (os.getenv("XDG_DATA_DIRS") or "") == "" then
    append_path("XDG_DATA_DIRS", "/usr/local/share:/usr/share")
end
prepend_path("XDG_DATA_DIRS", pathJoin(prefix, "share"))
