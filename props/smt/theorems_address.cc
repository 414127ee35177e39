#include "props/smt/theorems_address.h"

namespace mmtwin::smt {
namespace {

template <class Rules>
void append(std::vector<Theorem>& all, const std::string& geometry) {
  all.push_back(canonical_as_specified<Rules>(geometry));
  all.push_back(index_is_a_digit<Rules>(geometry));
  all.push_back(split_then_recombine<Rules>(geometry));
  all.push_back(recombine_then_split<Rules>(geometry));
  all.push_back(pages_part_at_some_level<Rules>(geometry));
  all.push_back(table_base_starts_the_covered_range<Rules>(geometry));
}

}  // namespace

std::vector<Theorem> address_theorems() {
  std::vector<Theorem> all;
  append<RunningAddressRules<impl::X86Geometry>>(all, "x86");
  append<RunningAddressRules<impl::SmallGeometry>>(all, "small");
  return all;
}

}  // namespace mmtwin::smt
