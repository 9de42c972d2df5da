# cmake --install build/release --prefix PREFIX: the programs, and beside them what they look for at
# PREFIX/share/isocost: the grids, the mini family, and the scripts that a user's own Python runs.
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
install(FILES LICENSE README.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
