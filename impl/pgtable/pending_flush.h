// PendingFlush: which translations were taken away since the last flush.
//
// Laws: TLB-1. Context: a value of the operation that changes entries. Cost: two words. It deliberately remembers no
// list: one page is flushed alone, more than one as the whole space (docs/RULES.md section 5).
#pragma once

#include "impl/pgtable/loaded_tables.h"
#include "vocab/units.h"

namespace mmtwin::impl {

class PendingFlush {
 public:
  void add_page(Vpn page) {
    page_ = page;
    ++pages_;
  }
  void add_freed_table() { tables_freed_ = true; }
  bool is_empty() const { return pages_ == 0 && !tables_freed_; }
  Flush take() {
    const Flush what{pages_ > 1 || tables_freed_, page_, tables_freed_};
    *this = {};
    return what;
  }

 private:
  std::uint64_t pages_ = 0;
  Vpn page_;
  bool tables_freed_ = false;
};

}  // namespace mmtwin::impl
