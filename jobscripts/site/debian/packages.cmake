# What cpack makes of a folder that was configured with -DCMAKE_INSTALL_PREFIX=/usr: three
# Debian packages, named and split as that distribution does it. Name yourself as the one who
# answers for them by -DCPACK_PACKAGE_CONTACT="Name <address>".
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_CONTACT "The mpifetch authors <mpifetch@example.org>" CACHE STRING
    "Maintainer of the packages that cpack makes")
set(CPACK_PACKAGE_VENDOR "The mpifetch authors")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_PACKAGE_DIRECTORY ${PROJECT_BINARY_DIR}/packages)
set(CPACK_STRIP_FILES ON)
set(CPACK_COMPONENTS_ALL program library development)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_RELEASE 1)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS ON)

set(soname ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
set(library libmpifetch${soname})
set(version ${PROJECT_VERSION}-${CPACK_DEBIAN_PACKAGE_RELEASE})
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "fetch files with all ranks of an MPI job")
set(about "All ranks of an MPI job download files together, verify each by its digest,
and publish them as one directory that readers see complete or not at all.
Sources are the Hugging Face Hub, HTTPS servers and file systems.\n\n")

set(CPACK_DEBIAN_PROGRAM_PACKAGE_NAME mpifetch)
set(CPACK_DEBIAN_PROGRAM_PACKAGE_SECTION net)
set(CPACK_DEBIAN_PROGRAM_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PROGRAM_DESCRIPTION "${about}This package has the program.")

set(CPACK_DEBIAN_LIBRARY_PACKAGE_NAME ${library})
set(CPACK_DEBIAN_LIBRARY_PACKAGE_SECTION libs)
set(CPACK_DEBIAN_LIBRARY_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_LIBRARY_PACKAGE_CONTROL_EXTRA ${CMAKE_CURRENT_LIST_DIR}/triggers)
set(CPACK_DEBIAN_LIBRARY_DESCRIPTION "${about}This package has the shared library.")

set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_NAME libmpifetch-dev)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SUGGESTS
    "libcurl4-openssl-dev, libssl-dev, libjansson-dev, libxxhash-dev")
set(CPACK_DEBIAN_DEVELOPMENT_DESCRIPTION
    "${about}This package has the header, the archive, and files for pkg-config and CMake.")

# Of the MPI that all was built with, whichever that is: mpifetch.h includes its mpi.h, and a
# program that nobody has launched may want to start its launcher.
find_file(MPIFETCH_MPI_H mpi.h PATHS ${MPI_C_INCLUDE_DIRS} NO_DEFAULT_PATH)
find_program(MPIFETCH_DPKG_QUERY dpkg-query)
mark_as_advanced(MPIFETCH_MPI_H MPIFETCH_DPKG_QUERY)

# append_owner(LIST FILE): the package that the file belongs to, if there is one.
function(append_owner list file)
    if(MPIFETCH_DPKG_QUERY AND EXISTS "${file}")
        get_filename_component(file ${file} REALPATH)
        execute_process(COMMAND ${MPIFETCH_DPKG_QUERY} -S ${file}
            OUTPUT_VARIABLE owner ERROR_QUIET)
        string(REGEX MATCH "^[^:]+" owner "${owner}")
        set(${list} ${${list}} ${owner} PARENT_SCOPE)
    endif()
endfunction()
set(development_depends "${library} (= ${version})")
append_owner(development_depends "${MPIFETCH_MPI_H}")
append_owner(program_depends "${MPIEXEC_EXECUTABLE}")
list(JOIN development_depends ", " CPACK_DEBIAN_DEVELOPMENT_PACKAGE_DEPENDS)
list(JOIN program_depends ", " CPACK_DEBIAN_PROGRAM_PACKAGE_DEPENDS)
set(CPACK_DEBIAN_PROGRAM_PACKAGE_RECOMMENDS ca-certificates)

# The date of a version is that of its heading in the change log.
set(changes ${PROJECT_SOURCE_DIR}/docs/changelog.md)
file(STRINGS ${changes} heading REGEX "^## ${PROJECT_VERSION}, [0-9-]+$")
string(REGEX MATCH "[0-9]+-[0-9]+-[0-9]+$" date "${heading}")
if(NOT date)
    message(FATAL_ERROR "docs/changelog.md has no heading for ${PROJECT_VERSION} with a date")
endif()
execute_process(COMMAND date -u -R -d ${date} OUTPUT_VARIABLE date
    OUTPUT_STRIP_TRAILING_WHITESPACE)
# In the form of a Debian copyright file: indented, and a dot for an empty line.
file(READ ${PROJECT_SOURCE_DIR}/LICENSE license)
string(REGEX REPLACE "^.*\n(Redistribution)" "\\1" license "${license}")
string(STRIP "${license}" license)
string(REPLACE "\n\n" "\n.\n" license "${license}")
string(REPLACE "\n" "\n " license " ${license}")
set(debian_dir ${CMAKE_CURRENT_LIST_DIR})
configure_file(${debian_dir}/changelog.in ${PROJECT_BINARY_DIR}/debian/changelog @ONLY)
configure_file(${debian_dir}/copyright.in ${PROJECT_BINARY_DIR}/debian/copyright @ONLY)
configure_file(${debian_dir}/documents.cmake.in ${PROJECT_BINARY_DIR}/debian/documents.cmake
    @ONLY)
set(CPACK_PRE_BUILD_SCRIPTS ${PROJECT_BINARY_DIR}/debian/documents.cmake)
include(CPack)
