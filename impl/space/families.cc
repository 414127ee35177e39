#include "impl/space/families.h"

#include "impl/platform/lock_guard.h"

namespace mmtwin::impl {

Families::Families(Hardware& hardware, Slab& slab)
    : hardware_(hardware), slab_(slab), lock_(*hardware.boot_memory().place<Lock>()) {}

// Newest of the range's chain, first of the family's list.
void Families::append(Ref<Range> range, Ref<FamilyLink> link, Ref<Family> family) {
  Ram& ram = hardware_.ram();
  Family& f = ram.edit(family);
  ram.edit(link) = {.range = range, .family = family, .newer = {}, .next = f.first_link, .prev = {}};
  if (!f.first_link.is_none()) ram.edit(f.first_link).prev = link;
  f.first_link = link;
  ++f.links;
  Range& r = ram.edit(range);
  if (r.newest.is_none())
    r.oldest = link;
  else
    ram.edit(r.newest).newer = link;
  r.newest = link;
  ++r.links;
}

// From its family's list.
void Families::unlink(Ref<FamilyLink> link) {
  Ram& ram = hardware_.ram();
  const FamilyLink& l = ram.at(link);
  Family& f = ram.edit(l.family);
  if (l.prev.is_none())
    f.first_link = l.next;
  else
    ram.edit(l.prev).next = l.next;
  if (!l.next.is_none()) ram.edit(l.next).prev = l.prev;
  --f.links;
}

Outcome<Done> Families::found(CpuId cpu, Ref<Range> range, Ref<Family> shared) {
  const Outcome<Ref<FamilyLink>> link = slab_.allocate<FamilyLink>(cpu);
  if (!link) return link.refusal();
  Ref<Family> family = shared;
  if (family.is_none()) {
    const Outcome<Ref<Family>> fresh = slab_.allocate<Family>(cpu);
    if (!fresh) {
      slab_.free(cpu, *link);
      return fresh.refusal();
    }
    family = *fresh;
    // A root is its own parent and counts itself as a child, so that no child ever reuses it.
    hardware_.ram().edit(family) = {
        .parent = family, .first_link = {}, .links = 0, .children = 1, .active = 0, .padding = 0};
  }
  const LockGuard guard(hardware_, cpu, LockClass::kFamily, 0, lock_);
  append(range, *link, family);
  hardware_.ram().edit(range).family = family;
  ++hardware_.ram().edit(family).active;
  return Done{};
}

// False: no memory; what was linked stays linked.
bool Families::clone(CpuId cpu, Ref<Range> child, Ref<Range> parent) {
  Ram& ram = hardware_.ram();
  for (Ref<FamilyLink> at = ram.at(parent).oldest; !at.is_none(); at = ram.at(at).newer) {
    const Outcome<Ref<FamilyLink>> link = slab_.allocate<FamilyLink>(cpu);
    if (!link) return false;
    const LockGuard guard(hardware_, cpu, LockClass::kFamily, 0, lock_);
    const Ref<Family> family = ram.at(at).family;
    append(child, *link, family);
    const Family& f = ram.at(family);
    if (ram.at(child).family.is_none() && f.children < 2 && f.active == 0) {
      ram.edit(child).family = family;
      ++ram.edit(family).active;
    }
  }
  return true;
}

Outcome<Done> Families::inherit(CpuId cpu, Ref<Range> child, Ref<Range> parent) {
  Ram& ram = hardware_.ram();
  if (!clone(cpu, child, parent)) {
    leave(cpu, child);
    return Refusal::kOom;
  }
  if (!ram.at(child).family.is_none()) return Done{};
  const Outcome<Ref<Family>> family = slab_.allocate<Family>(cpu);
  if (!family) {
    leave(cpu, child);
    return family.refusal();
  }
  const Outcome<Ref<FamilyLink>> link = slab_.allocate<FamilyLink>(cpu);
  if (!link) {
    slab_.free(cpu, *family);
    leave(cpu, child);
    return link.refusal();
  }
  const LockGuard guard(hardware_, cpu, LockClass::kFamily, 0, lock_);
  const Ref<Family> above = ram.at(parent).family;
  ram.edit(*family) = {.parent = above, .first_link = {}, .links = 0, .children = 0, .active = 1, .padding = 0};
  append(child, *link, *family);
  ram.edit(child).family = *family;
  ++ram.edit(above).children;
  return Done{};
}

Outcome<Ref<FamilyLink>> Families::reserve(CpuId cpu, std::uint32_t count) {
  Ref<FamilyLink> first;
  for (std::uint32_t i = 0; i < count; ++i) {
    const Outcome<Ref<FamilyLink>> link = slab_.allocate<FamilyLink>(cpu);
    if (!link) {
      release(cpu, first);
      return link.refusal();
    }
    hardware_.ram().edit(*link).newer = first;
    first = *link;
  }
  return first;
}

void Families::release(CpuId cpu, Ref<FamilyLink> reserved) {
  while (!reserved.is_none()) {
    const Ref<FamilyLink> next = hardware_.ram().at(reserved).newer;
    slab_.free(cpu, reserved);
    reserved = next;
  }
}

void Families::copy(CpuId cpu, Ref<Range> to, Ref<Range> from, Ref<FamilyLink> reserved) {
  const LockGuard guard(hardware_, cpu, LockClass::kFamily, 0, lock_);
  Ram& ram = hardware_.ram();
  for (Ref<FamilyLink> at = ram.at(from).oldest; !at.is_none(); at = ram.at(at).newer) {
    const Ref<FamilyLink> link = reserved;
    reserved = ram.at(link).newer;
    append(to, link, ram.at(at).family);
  }
  check(reserved.is_none(), "VMA-2: a split reserves as many links as it copies");
  const Ref<Family> family = ram.at(from).family;
  if (family.is_none()) return;
  ram.edit(to).family = family;
  ++ram.edit(family).active;
}

void Families::move(CpuId cpu, Ref<Range> to, Ref<Range> from) {
  const LockGuard guard(hardware_, cpu, LockClass::kFamily, 0, lock_);
  Ram& ram = hardware_.ram();
  Range& t = ram.edit(to);
  Range& f = ram.edit(from);
  check(t.family.is_none() && t.links == 0, "VMA-2: only a range without family takes one over");
  t.family = f.family;
  t.oldest = f.oldest;
  t.newest = f.newest;
  t.links = f.links;
  f.family = {};
  f.oldest = f.newest = {};
  f.links = 0;
  for (Ref<FamilyLink> at = t.oldest; !at.is_none(); at = ram.at(at).newer) ram.edit(at).range = to;
}

void Families::leave(CpuId cpu, Ref<Range> range) {
  const LockGuard guard(hardware_, cpu, LockClass::kFamily, 0, lock_);
  if (hardware_.ram().at(range).links != 0) drop_chain(cpu, range);
}

void Families::drop_chain(CpuId cpu, Ref<Range> range) {
  Ram& ram = hardware_.ram();
  for (Ref<FamilyLink> at = ram.at(range).oldest; !at.is_none(); at = ram.at(at).newer) {
    unlink(at);
    const Family& f = ram.at(ram.at(at).family);
    if (f.links == 0) --ram.edit(f.parent).children;
  }
  const Ref<Family> own = ram.at(range).family;
  if (!own.is_none()) --ram.edit(own).active;
  // Freed only now: a child's parent may be an older family of the same chain.
  for (Ref<FamilyLink> at = ram.at(range).oldest; !at.is_none();) {
    const FamilyLink link = ram.at(at);
    if (ram.at(link.family).links == 0) {
      check(ram.at(link.family).active == 0, "VMA-2: a family that no range links is nobody's own");
      slab_.free(cpu, link.family);
    }
    slab_.free(cpu, at);
    at = link.newer;
  }
  Range& r = ram.edit(range);
  r.family = {};
  r.oldest = r.newest = {};
  r.links = 0;
}

void Families::audit(Audit& audit, Ref<Range> range) const {
  const Ram& ram = hardware_.ram();
  const Range& r = ram.at(range);
  std::uint32_t links = 0;
  bool has_own = r.family.is_none();
  for (Ref<FamilyLink> at = r.oldest; !at.is_none() && audit.is_clean(); at = ram.at(at).newer) {
    ++links;
    audit.claim(ram.at(at).range == range, "VMA-2: a link knows its range");
    audit.claim(links <= r.links, "VMA-2: a range counts its families");
    const Ref<Family> family = ram.at(at).family;
    has_own = has_own || family == r.family;
    std::uint32_t of_family = 0, active = 0;
    for (Ref<FamilyLink> l = ram.at(family).first_link; !l.is_none(); l = ram.at(l).next) {
      if (++of_family > ram.at(family).links) break;
      active += ram.at(ram.at(l).range).family == family;
    }
    audit.claim(of_family == ram.at(family).links && active == ram.at(family).active,
                "VMA-2: a family counts its ranges");
  }
  audit.claim(links == r.links && has_own, "VMA-2: a range counts its families, and its own is among them");
}

}  // namespace mmtwin::impl
