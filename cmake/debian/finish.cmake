# Run by CPack on the packages that it made, for what it has no words for (CMake 3.25):
#
#   Multi-Arch         same for libraries: packages for several architectures can be installed together, since their files
#                      have different places (if they have) or are the same; foreign for the command: any one will do
#   postinst, postrm   CPack has them run ldconfig; the package's trigger does that
foreach(package IN LISTS CPACK_PACKAGE_FILES)
    set(tree ${package}.tree)
    file(REMOVE_RECURSE ${tree})
    execute_process(COMMAND dpkg-deb -R ${package} ${tree} COMMAND_ERROR_IS_FATAL ANY)
    file(READ ${tree}/DEBIAN/control control)
    string(STRIP "${control}" control)
    file(GLOB own_place ${tree}/usr/lib/*-linux-*)
    if(own_place)
        string(APPEND control "\nMulti-Arch: same")
    elseif(control MATCHES "(^|\n)Package: wplug\n")
        string(APPEND control "\nMulti-Arch: foreign")
    endif()
    file(WRITE ${tree}/DEBIAN/control "${control}\n")
    file(REMOVE ${tree}/DEBIAN/postinst ${tree}/DEBIAN/postrm)
    execute_process(COMMAND dpkg-deb -Zxz --root-owner-group -b ${tree} ${package} OUTPUT_QUIET COMMAND_ERROR_IS_FATAL ANY)
    file(REMOVE_RECURSE ${tree})
endforeach()
