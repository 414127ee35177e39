#include "impl/platform/ram.h"

#include <cstring>

#include "version/point.h"

namespace mmtwin::impl {

void Ram::emit_entry(EventKind kind, CpuId cpu, Pfn table, unsigned index, std::uint64_t before,
                     std::uint64_t after) const {
  events_.emit({.kind = kind, .cpu = cpu, .order = {}, .index = static_cast<std::uint16_t>(index),
                .frame = table, .before = before, .after = after});
}

void Ram::store_entry(CpuId cpu, Pfn table, unsigned index, std::uint64_t value) {
  std::uint64_t* entry = edit_entry(table, index);
  const std::uint64_t before = load_relaxed(*entry);
  store_release(*entry, value);
  emit_entry(EventKind::kTableStore, cpu, table, index, before, value);
}

bool Ram::mark_entry(CpuId cpu, Pfn table, unsigned index, std::uint64_t expected, std::uint64_t desired) {
  if (load_relaxed(*entry_at(table, index)) != expected) return false;
  std::uint64_t before = expected;
  if (!compare_exchange(*edit_entry(table, index), before, desired)) return false;
  emit_entry(EventKind::kTableMark, cpu, table, index, expected, desired);
  return true;
}

std::uint64_t Ram::exchange_entry(CpuId cpu, Pfn table, unsigned index, std::uint64_t value) {
  point(Point::kEntryExchange);
  std::uint64_t* entry = edit_entry(table, index);
  std::uint64_t before = load_relaxed(*entry);
  while (!compare_exchange(*entry, before, value)) {
  }
  emit_entry(EventKind::kTableStore, cpu, table, index, before, value);
  return before;
}

std::uint64_t Ram::change_entry(CpuId cpu, Pfn table, unsigned index, std::uint64_t clear, std::uint64_t set) {
  point(Point::kEntryExchange);
  std::uint64_t* entry = edit_entry(table, index);
  std::uint64_t before = load_relaxed(*entry);
  while (!compare_exchange(*entry, before, (before & ~clear) | set)) {
  }
  emit_entry(EventKind::kTableStore, cpu, table, index, before, (before & ~clear) | set);
  return before;
}

void Ram::zero(CpuId cpu, Pfn frame) {
  touches(raw(frame), true);
  marks_.touch_content(frame);
  std::memset(bytes_ + frame.raw() * kPageBytes, 0, kPageBytes);
  events_.emit({.kind = EventKind::kFrameZeroed, .cpu = cpu, .order = {}, .frame = frame});
}

void Ram::zero_table(CpuId cpu, Pfn table, unsigned entries) {
  check(entries * 8 <= kPageBytes, "PT-1: a table fits into its frame");
  marks_.touch_bytes(table, entries * 8);
  std::memset(bytes_ + table.raw() * kPageBytes, 0, entries * 8);
  events_.emit({.kind = EventKind::kFrameZeroed, .cpu = cpu, .order = {}, .frame = table});
}

void Ram::copy(CpuId cpu, Pfn from, Pfn to) {
  check(from != to, "a frame is copied to another one");
  touches(raw(from), false);
  touches(raw(to), true);
  marks_.touch_content(to);
  std::memcpy(bytes_ + to.raw() * kPageBytes, bytes_ + from.raw() * kPageBytes, kPageBytes);
  events_.emit({.kind = EventKind::kFrameCopied, .cpu = cpu, .order = {}, .frame = to, .place = from.raw()});
}

std::uint64_t Ram::read(Pfn frame, unsigned offset, unsigned width) const {
  check(width >= 1 && width <= 8 && offset + width <= kPageBytes, "one access stays inside one frame");
  touches(raw(frame), false);
  const std::byte* at = bytes_ + frame.raw() * kPageBytes + offset;
  std::uint64_t value = 0;
  if (offset + sizeof value > kPageBytes) [[unlikely]] {
    std::memcpy(&value, at, width);
    return value;
  }
  // A copy of known length is one load; what is too much is cut off.
  std::memcpy(&value, at, sizeof value);
  return value & (~std::uint64_t{0} >> (64 - 8 * width));
}

void Ram::write(Pfn frame, unsigned offset, unsigned width, std::uint64_t value) {
  check(width >= 1 && width <= 8 && offset + width <= kPageBytes, "one access stays inside one frame");
  touches(raw(frame), true);
  marks_.touch_content(frame);
  std::byte* at = bytes_ + frame.raw() * kPageBytes + offset;
  if (width == sizeof value) [[likely]]
    std::memcpy(at, &value, sizeof value);
  else
    std::memcpy(at, &value, width);
}

}  // namespace mmtwin::impl
