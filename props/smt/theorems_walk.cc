#include "props/smt/theorems_walk.h"

namespace mmtwin::smt {
namespace {

template <class Rules>
void append(std::vector<Theorem>& all, const std::string& geometry) {
  all.push_back(walk_reads_the_tree<Rules>(geometry));
  all.push_back(map_makes_the_page_found<Rules>(geometry));
  all.push_back(unmap_makes_the_page_absent<Rules>(geometry));
  all.push_back(map_leaves_other_pages_alone<Rules>(geometry));
}

}  // namespace

std::vector<Theorem> walk_theorems() {
  std::vector<Theorem> all;
  append<RunningWalkRules<impl::X86Geometry>>(all, "x86");
  append<RunningWalkRules<impl::SmallGeometry>>(all, "small");
  return all;
}

}  // namespace mmtwin::smt
