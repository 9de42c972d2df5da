# cmake --install build/release --prefix PREFIX: the programs, and beside them what they look for at
# PREFIX/share/isocost: the grids, the mini family, and the scripts that a user's own Python runs;
# and the shells' completions.
# The worker finds LibTorch where it was built against it.
include(GNUInstallDirs)
set(_share ${CMAKE_INSTALL_DATADIR}/isocost)
foreach(_program isocost isocost-worker)
  if(TARGET ${_program})
    install(TARGETS ${_program} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
  endif()
endforeach()
install(DIRECTORY experiments/mini/models experiments/mini/clip experiments/mini/features
  DESTINATION ${_share}/experiments/mini)
file(GLOB _grids CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/experiments/*.yaml)
install(FILES ${_grids} DESTINATION ${_share}/experiments)
install(FILES schema/grid.schema.json DESTINATION ${_share}/schema)
install(FILES script/reference/make_reference.py script/reference/requirements.txt
  DESTINATION ${_share}/script/reference)
install(FILES script/convert/lpips.py DESTINATION ${_share}/script/convert)
# What shells complete isocost by, where each looks for it.
if(TARGET isocost)
  foreach(_shell bash=bash-completion/completions/isocost zsh=zsh/site-functions/_isocost
                 fish=fish/vendor_completions.d/isocost.fish)
    string(REPLACE "=" ";" _words ${_shell})
    list(GET _words 0 _name)
    list(GET _words 1 _file)
    install(CODE "
      set(_file \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_DATADIR}/${_file}\")
      get_filename_component(_folder \"\${_file}\" DIRECTORY)
      file(MAKE_DIRECTORY \"\${_folder}\")
      execute_process(COMMAND \"$<TARGET_FILE:isocost>\" completion ${_name}
        OUTPUT_FILE \"\${_file}\" COMMAND_ERROR_IS_FATAL ANY)
      message(STATUS \"Installing: \${_file}\")")
  endforeach()
endif()
install(FILES LICENSE README.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
