#%Module1.0
# For Environment Modules: copy to MODULEPATH/mpifetch/VERSION and set the prefix that
# "cmake --install --prefix" was given. The version is the name of the file.
set version [file tail $ModulesCurrentModulefile]
set prefix  /opt/mpifetch/$version
# Where cmake has put the library: that depends on the system.
set lib $prefix/lib
foreach found [glob -nocomplain $prefix/lib64/libmpifetch.so $prefix/lib/*/libmpifetch.so] {
    set lib [file dirname $found]
}

proc ModulesHelp { } {
    puts stderr "Fetch, verify and publish files with all ranks of an MPI job."
    puts stderr "mpifetch --help, man mpifetch"
}
module-whatis "fetch, verify and publish files with all ranks of an MPI job"

conflict mpifetch
# The MPI that it was built with, by the name that it has here:
# prereq openmpi

setenv       MPIFETCH_ROOT     $prefix
prepend-path PATH              $prefix/bin
# An empty element stands for what man looks through by itself.
append-path  MANPATH           {}
prepend-path MANPATH           $prefix/share/man
prepend-path LD_LIBRARY_PATH   $lib
prepend-path PKG_CONFIG_PATH   $lib/pkgconfig
prepend-path CMAKE_PREFIX_PATH $prefix
# bash-completion and fish look here; for zsh see README.md. Others look here as well, so what
# counts where nothing is set is said, and may stay.
if {![info exists env(XDG_DATA_DIRS)] || $env(XDG_DATA_DIRS) eq ""} {
    append-path XDG_DATA_DIRS  /usr/local/share:/usr/share
}
prepend-path XDG_DATA_DIRS     $prefix/share
