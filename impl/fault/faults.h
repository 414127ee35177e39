// Faults: what happens when an access finds no translation that allows it.
//
// Laws: PERM-1, COW-1, COW-2, CONTENT-1, ROLLBACK-1. Context: a CPU that has the space loaded; takes the space's lock.
// Cost: one lookup of the range, one software walk, at most one new page and three tables. Afterwards the access is
// tried again; a fault whose cause is gone already is no fault. It deliberately does not retry by itself.
#pragma once

#include "impl/anon/anonymous_pages.h"
#include "impl/base/outcome.h"
#include "impl/pgtable/page_tables.h"
#include "impl/platform/hardware.h"
#include "impl/space/families.h"
#include "impl/space/spaces.h"
#include "vocab/flags.h"
#include "vocab/units.h"

namespace mmtwin::impl {

template <class Geometry>
class Faults {
 public:
  Faults(Hardware& hardware, Spaces<Geometry>& spaces, PageTables<Geometry>& tables, Families& families,
         AnonymousPages& pages)
      : hardware_(hardware), spaces_(spaces), tables_(tables), families_(families), pages_(pages) {}

  void boot(Pfn zero_page) { zero_page_ = zero_page; }

  // Done: try again. Refusals: kSegvMapErr, kSegvAccErr, kBus (files have no pages yet), kKilled; kOom, which has
  // ended the space.
  Outcome<Done> handle(CpuId cpu, Ref<Space> space, Vpn page, Access access);

 private:
  Outcome<Done> handle_locked(CpuId cpu, Ref<Space> space, Vpn page, Access access);
  Outcome<Done> resolve(CpuId cpu, Ref<Space> space, Vpn page, Access access);
  Outcome<Done> read(CpuId cpu, Ref<Space> space, Vpn page, Prot prot);
  Outcome<Done> store(CpuId cpu, Ref<Space> space, Ref<Range> range, Vpn page);
  Outcome<Done> store_to_page(CpuId cpu, Ref<Space> space, const LeafPlace& place, Vpn page, Prot prot);
  Ref<Family> family_to_share(Ref<Space> space, Ref<Range> range);

  Hardware& hardware_;
  Spaces<Geometry>& spaces_;
  PageTables<Geometry>& tables_;
  Families& families_;
  AnonymousPages& pages_;
  Pfn zero_page_;
};

}  // namespace mmtwin::impl
