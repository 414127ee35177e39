#include "lockstep/generate/aim.h"

#include <algorithm>
#include <vector>

#include "vocab/bounds.h"

namespace mmtwin::lockstep {
namespace {

constexpr unsigned kWindowPages = 48;
constexpr unsigned kFiles = 3;
constexpr Prot kReadWrite = kProtRead | kProtWrite;

}  // namespace

// ---- pauses ----

Pause pause_at(Random& random, Point point) {
  const unsigned first = is_touch(point) ? 25 : 70;
  if (random.percent(first)) return {point, 1};
  const bool is_late = is_touch(point) && random.percent(40);
  const std::uint64_t passing = is_late ? random.between(7, 40) : random.between(2, 6);
  return {point, static_cast<std::uint8_t>(passing)};
}
Pause pause_anywhere(Random& random) {
  return pause_at(random, static_cast<Point>(random.between(1, kPoints.size() - 1)));
}

// ---- places ----

const KnownRange* Aim::some_range(const KnownSpace& space, bool is_access) {
  if (space.ranges.empty()) return nullptr;
  // Pages of files have no contents yet: an access there would be skipped.
  for (unsigned attempt = 0; attempt < 4; ++attempt) {
    const KnownRange& range = random_.pick_from(space.ranges);
    if (!is_access || range.file.raw() == 0) return &range;
  }
  return nullptr;
}

Place Aim::near_edge(const KnownRange& range) {
  const std::uint64_t pages = random_.below(3);
  const bool at_end = random_.percent(50);
  const bool is_before = random_.percent(50);
  const std::uint64_t edge = at_end ? range.length : 0;
  return range.place(is_before ? edge - pages * kPageBytes : edge + pages * kPageBytes);
}

Place Aim::inside(const KnownRange& range) {
  const std::uint64_t pages = std::clamp<std::uint64_t>(range.length / kPageBytes, 1, 4096);
  return range.place(random_.below(pages) * kPageBytes);
}

Place Aim::in_window() { return {AddressHandle(), window_ + random_.below(kWindowPages) * kPageBytes}; }

std::uint64_t Aim::extreme() {
  const std::uint64_t user_end = known_.geometry().user_end;
  const std::uint64_t extremes[] = {0,
                                    kPageBytes,
                                    0x10000 - kPageBytes,
                                    0x10000,
                                    user_end - kPageBytes,
                                    user_end,
                                    user_end + kPageBytes,
                                    -user_end - kPageBytes,
                                    std::uint64_t{0} - kPageBytes,
                                    ~std::uint64_t{0},
                                    std::uint64_t{1} << 63,
                                    known_.geometry().default_top - kPageBytes,
                                    known_.geometry().default_top,
                                    known_.geometry().default_brk};
  return random_.pick(extremes);
}

Place Aim::place_in(const KnownSpace& space, bool is_access) {
  const unsigned way = static_cast<unsigned>(random_.below(100));
  range_ = some_range(space, is_access);
  Place place;
  if (way < 2) {
    place = {AddressHandle(), extreme()};
    range_ = nullptr;
  } else if (range_ == nullptr || way < (is_access ? 6 : 22)) {
    place = in_window();
    range_ = nullptr;
  } else if (way < (is_access ? 20 : 60)) {
    place = near_edge(*range_);
  } else {
    place = inside(*range_);
  }
  if (is_access) {
    const std::uint64_t bytes[] = {0, 1, 8, 0x7f8, kPageBytes - 8, kPageBytes - 1, kPageBytes - 3};
    place.offset += random_.pick(bytes);
  } else if (random_.percent(2)) {
    place.offset += random_.between(1, kPageBytes - 1);
  }
  return place;
}

void Aim::draw(Place& place, std::string_view) {
  if (needs_loaded_) {
    space_ = known_.space(SpaceHandle(known_.cpu(cpu_).space));
  }
  place_ = space_ != nullptr ? place_in(*space_, is_access_) : in_window();
  if (makes_range_ && random_.percent(35)) place_ = in_window();
  if (makes_range_ && random_.percent(12)) place_ = Place();
  place = place_;
}

std::uint64_t Aim::length() {
  const unsigned way = static_cast<unsigned>(random_.below(100));
  const std::uint64_t pages = random_.between(1, 6) * kPageBytes;
  if (way < 2) return 0;
  if (way < 4) return pages - random_.between(1, kPageBytes - 1);
  if (way < 5) {
    const std::uint64_t wide[] = {~std::uint64_t{0}, std::uint64_t{0} - place_.offset, known_.geometry().user_end,
                                  known_.geometry().user_end - place_.offset, std::uint64_t{0} - kPageBytes};
    return random_.pick(wide);
  }
  if (way < 9) return known_.geometry().huge_bytes * random_.between(1, 2);
  if (range_ != nullptr && range_->at.base == place_.base && way < 40) {
    // To the end of the range aimed at, perhaps a page more or less.
    const std::uint64_t end = range_->at.offset + range_->length;
    const std::uint64_t rest = end > place_.offset ? end - place_.offset : kPageBytes;
    const std::uint64_t nudge = random_.below(3) * kPageBytes;
    return rest + nudge > kPageBytes ? rest + nudge - kPageBytes : kPageBytes;
  }
  return pages;
}

void Aim::draw(ByteCount& size, std::string_view name) {
  if (name != "offset") {
    size = ByteCount(length());
    return;
  }
  // Continuing a neighbour's offset is what lets ranges merge. Of anonymous memory that never moved it is the address.
  const bool continues = range_ != nullptr && random_.percent(60);
  const std::uint64_t pages = random_.below(4);
  const bool is_aligned = random_.percent(97);
  size = ByteCount(pages * kPageBytes + (is_aligned ? 0 : 0x10));
  const bool never_moved = place_.base.is_none() && random_.percent(30);
  if (never_moved) size = ByteCount(place_.offset & ~(kPageBytes - 1));
  if (continues) size = ByteCount(range_->offset + (place_.offset - range_->at.offset));
}

void Aim::draw(Address& address, std::string_view name) {
  address = Address();
  if (random_.percent(80)) return;
  const std::uint64_t pages = random_.below(64) * kPageBytes;
  address = Address(name == "brk" ? window_ + pages : known_.geometry().default_top - pages);
}

// ---- attributes ----

Prot Aim::prot() {
  const unsigned way = static_cast<unsigned>(random_.below(100));
  if (way < 35 && range_ != nullptr) return range_->prot;
  if (way < 75) return kReadWrite;
  const Prot others[] = {kProtRead, kProtNone, kProtWrite, kProtExec, kProtRead | kProtExec,
                         kReadWrite | kProtExec};
  return random_.pick(others);
}
void Aim::draw(Prot& prot_field, std::string_view) { prot_field = prot(); }

void Aim::draw(MapFlags& flags, std::string_view) {
  flags = MapFlags();
  if (range_ != nullptr && random_.percent(50)) flags = range_->flags;
  if (place_.offset != 0 || !place_.base.is_none()) {
    if (random_.percent(60)) flags = flags | kMapFixed;
    if (random_.percent(15)) flags = flags | kMapNoReplace;
  }
  if (random_.percent(8)) flags = flags | kMapNoReserve;
  if (random_.percent(5)) flags = flags | kMapStack;
  if (random_.percent(names_file_ ? 30 : 1)) flags = flags | kMapShared;
}

void Aim::draw(FileId& file, std::string_view) {
  const bool continues = range_ != nullptr && range_->file.raw() != 0 && random_.percent(60);
  const std::uint64_t drawn = random_.between(names_file_ ? 1 : 0, kFiles);
  file = continues ? range_->file : FileId(drawn);
  if (!names_file_ && random_.percent(50)) file = FileId();
}

Gfp Aim::gfp() {
  const unsigned way = static_cast<unsigned>(random_.below(100));
  if (way < 45) return kGfpKernel;
  if (way < 60) return kGfpAtomic;
  if (way < 70) return kGfpKernel | kGfpZero;
  if (way < 75) return kGfpWait | kGfpNofail;
  if (way < 79) return kGfpKernel | kGfpDma;
  if (way < 82) return kGfpKernel | kGfpDma32;
  if (way < 85) return kGfpKernel | kGfpMovable;
  if (way < 88) return kGfpKernel | kGfpThisNode;
  if (way < 92) return Gfp();
  return Gfp(static_cast<unsigned>(random_.below(1u << kGfpBits)));
}
void Aim::draw(Gfp& gfp_field, std::string_view) { gfp_field = gfp(); }

void Aim::draw(Order& order, std::string_view) {
  // One that no block has, too.
  const unsigned most = std::min(kMaxOrder, known_.machine().top_order + 1u);
  const bool is_small = random_.percent(85);
  order = Order(static_cast<unsigned>(is_small ? random_.below(4) : random_.below(most + 1)));
  // Where most frames are gone, large requests are refused and their handles stay empty.
  if (known_.pressure() > 70 && random_.percent(80)) order = Order(static_cast<unsigned>(random_.below(2)));
}

void Aim::draw(PageCount& pages, std::string_view) {
  const bool is_small = random_.percent(90);
  pages = PageCount(is_small ? random_.between(1, 12) : random_.between(1, kMaxExactPages));
}

void Aim::draw(NodeId& node, std::string_view) {
  node = kAnyNode;
  if (random_.percent(40)) node = NodeId(static_cast<unsigned>(random_.below(known_.machine().nodes)));
}

CpuId Aim::cpu() { return CpuId(static_cast<unsigned>(random_.below(known_.machine().cpus))); }

void Aim::draw(CpuId& cpu_field, std::string_view name) {
  cpu_field = cpu();
  if (name == "cpu" && needs_loaded_) {
    for (unsigned attempt = 0; attempt < 8; ++attempt) {
      const KnownCpu& there = known_.cpu(cpu_field.raw());
      if (there.space != 0 && !there.is_lazy) break;
      cpu_field = cpu();
    }
  }
  if (name == "cpu") cpu_ = cpu_field.raw();
}

void Aim::draw(Width& width, std::string_view) {
  const unsigned widths[] = {1, 1, 2, 4, 8, 8, 3, 7};
  width = Width(random_.pick(widths));
}
void Aim::draw(Value& value, std::string_view) {
  const bool is_small = random_.percent(70);
  const std::uint64_t drawn = random_.next();
  value = Value(is_small ? drawn % 255 + 1 : drawn);
}
void Aim::draw(Count& count, std::string_view) {
  count = Count(random_.percent(90) ? random_.between(1, 8) : random_.below(40));
}
Pause Aim::pause() {
  if (pauses_ == 0 || !random_.percent(pauses_)) return {};
  return pause_anywhere(random_);
}
void Aim::draw(Pause& drawn, std::string_view) { drawn = pause(); }
void Aim::draw(Switch& on, std::string_view) { on = Switch(random_.percent(20) ? 1 : 0); }

// ---- handles ----

void Aim::draw(BlockHandle& block, std::string_view) {
  block = known_.blocks().empty() ? BlockHandle(1) : BlockHandle(random_.pick_from(known_.blocks()).number);
}
void Aim::draw(SpaceHandle& space, std::string_view) {
  space = known_.spaces().empty() ? SpaceHandle(1) : SpaceHandle(random_.pick_from(known_.spaces()).number);
  space_ = known_.space(space);
}
void Aim::draw(AddressHandle& address, std::string_view) {
  address = known_.addresses().empty() ? AddressHandle() : AddressHandle(random_.pick_from(known_.addresses()));
}

unsigned Aim::result_handle(char letter) {
  const bool may_be_none = letter == AddressHandle::kLetter;
  // Addresses are mostly asked for, so most mappings need no handle.
  if (may_be_none && (place_.offset != 0 || !place_.base.is_none()) && random_.percent(85)) return 0;
  const unsigned number = known_.free_handle(letter);
  if (number != 0) return number;
  return may_be_none ? static_cast<unsigned>(random_.between(1, known_.handles())) : 1;
}

}  // namespace mmtwin::lockstep
