// The tightness of the judge, measured: one field of one legal response, observation or event is altered, and the judge
// must reject the run.
//
// Laws: all, from the other side: an alteration that is accepted is a freedom the judge leaves. Context: one thread.
// Cost: one run per alteration. What is drawn is drawn from a seed. It deliberately alters only what the vocabulary
// says has a meaning for that kind of event or observation, only to a different value, and no program of which the
// model gives up a part.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "lockstep/run/run.h"
#include "lockstep/system.h"
#include "vocab/program.h"

namespace mmtwin::lockstep {

// How often alterations of one kind were caught. The key is "event frame_taken.frame", "event dropped tlb_dropped",
// "response pages_alloc.value", "frame references", "space tables", …
struct Tightness {
  std::uint64_t rejected = 0;
  std::uint64_t accepted = 0;
  std::string example;  // of the first accepted one: step, before, after
};

struct PerturbReport {
  std::map<std::string, Tightness> kinds;
  std::uint64_t rejected = 0;
  std::uint64_t accepted = 0;
  std::uint64_t unchanged = 0;  // the draw found nothing to alter: not counted above
  std::uint64_t programs = 0;
  std::uint64_t disagreed = 0;  // programs that failed without any alteration: not perturbed
  std::uint64_t gave_up = 0;    // programs with an overlap that the model does not follow to its end: neither

  // `from` names the other's programs, in examples.
  void add(const PerturbReport& other, std::string_view from);
  std::string print() const;           // every kind with both counts
  // The accepted kinds only, one a line, sorted, each after the prefix.
  std::string print_freedoms(std::string_view prefix) const;
};

class Perturber {
 public:
  explicit Perturber(System& system);
  ~Perturber();
  Perturber(const Perturber&) = delete;
  Perturber& operator=(const Perturber&) = delete;

  // Runs the program once as it is, then `alterations` times with one alteration each, drawn from `seed`.
  void run(const Program& program, std::uint64_t seed, unsigned alterations, PerturbReport& into);

  // The same with each thing that may be altered, in every way, but at most so many of one sort of things.
  void run_all(const Program& program, std::uint64_t most, PerturbReport& into);

 private:
  struct Machine;
  std::unique_ptr<Machine> machine_;
};

}  // namespace mmtwin::lockstep
