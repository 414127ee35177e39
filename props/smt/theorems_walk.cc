#include "props/smt/theorems_walk.h"

#include "props/smt/theorems_walk_induction.h"

namespace mmtwin::smt {
namespace {

template <class Geometry>
void append(std::vector<Theorem>& all, const std::string& geometry) {
  using Rules = RunningWalkRules<Geometry>;
  using LastStepRules = RunningWalkRules<LastLevelOf<Geometry>>;
  all.push_back(map_leaves_other_pages_alone<Rules>(geometry));  // first, because it takes longest
  all.push_back(walk_reads_the_tree<Rules>(geometry));
  all.push_back(map_makes_the_page_found<Rules>(geometry));
  all.push_back(unmap_makes_the_page_absent<Rules>(geometry));
  all.push_back(map_frame_base<LastStepRules>(geometry));
  all.push_back(map_frame_step<Rules>(geometry));
  all.push_back(unmap_frame_base<LastStepRules>(geometry));
  all.push_back(unmap_frame_step<Rules>(geometry));
}

}  // namespace

std::vector<Theorem> walk_theorems() {
  std::vector<Theorem> all;
  append<impl::X86Geometry>(all, "x86");
  append<impl::SmallGeometry>(all, "small");
  return all;
}

}  // namespace mmtwin::smt
