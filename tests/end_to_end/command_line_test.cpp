// Exit codes, help, completions and plans, with real processes.
#include "tests/end_to_end/first_hour.h"

namespace isocost::first_hour {
namespace {

// --- commands -----------------------------------------------------------------------------------

TEST_F(FirstHour, EndsWithCodesThatDiffer) {
  serve();
  testing::write_text(folder / "bad.yaml", "axes: 3\n");
  testing::write_text(folder / "no.db", "no database");
  const std::string nobody = "http://127.0.0.1:" + std::to_string(testing::free_port());

  EXPECT_EQ(isocost({"plan"}).status, 2);
  EXPECT_EQ(isocost({"frob"}).status, 2);
  EXPECT_EQ(isocost({}).status, 2);
  EXPECT_EQ(run({program("isocost-fake-worker"), "serve", "--connect"}, 30s).status != 0, true);
  EXPECT_EQ(isocost({"plan", (folder / "bad.yaml").string()}).status, 3);
  EXPECT_EQ(isocost({"plan", (folder / "none.yaml").string()}).status, 3);
  EXPECT_EQ(isocost({"run", (folder / "bad.yaml").string()}).status, 3);
  EXPECT_EQ(isocost({"status", "--db", (folder / "no.db").string()}).status, 3);
  EXPECT_EQ(isocost({"run", grid(submission).string(), "--out", (folder / "other").string(),
                     "--worker-program", (folder / "none").string()})
                .status,
            3);
  EXPECT_EQ(isocost({"keys", "pool", "array", "--count", "-5"}).status, 2);
  EXPECT_EQ(isocost({"keys", "generate", "a/b", "--out", (folder / "keys").string()}).status, 3);
  EXPECT_EQ(ask({"cancel", "nothing"}).status, 3);
  EXPECT_EQ(isocost({"report", "nothing", "--db", (folder / "isocost.db").string()}).status, 3);
  EXPECT_EQ(run(run_command(submission, {"--workers", "1", "--worker-argument=--fail",
                                         "--worker-argument=generate/" +
                                             sample_key(submission.cells[1].sample).hex()}),
                2min)
                .status,
            4);
  for (const Words& words : {Words{"status"}, {"events"}, {"watch"}, {"retry", "--all"}})
    EXPECT_EQ(isocost(joined(words, {"--coordinator", nobody})).status, 5) << words[0];
  EXPECT_EQ(isocost({"coordinator", "--db", (folder / "isocost.db").string(), "--no-http"}).status,
            1);
}

TEST_F(FirstHour, SaysWhatACommandIs) {
  const Finished help = isocost({"help", "run"});

  EXPECT_EQ(help.status, 0);
  EXPECT_EQ(help.output, isocost({"run", "--help"}).output);
  EXPECT_THAT(help.output, HasSubstr("--workers"));
  EXPECT_EQ(isocost({"help"}).output, isocost({"--help"}).output);
  EXPECT_EQ(isocost({"help", "keys", "generate"}).output,
            isocost({"keys", "generate", "--help"}).output);
  EXPECT_EQ(isocost({"help", "frob"}).status, 2);
}

TEST_F(FirstHour, SaysWhatToDoWithACancelledStudy) {
  serve();
  ASSERT_EQ(ask({"submit", grid(submission).string()}).status, 0);
  ASSERT_EQ(ask({"cancel", "study"}).status, 0);

  const Finished retried = ask({"retry", "study"});

  EXPECT_EQ(retried.status, 3);
  EXPECT_THAT(retried.output, HasSubstr("study: this experiment is cancelled"));
  EXPECT_THAT(retried.output, HasSubstr("expected its grid, submitted again"));
  EXPECT_THAT(ask({"status"}).output,
              HasSubstr("study (cancelled): 0 of 2 cells done, 0 failed, 2 cancelled"));
}

// --- completions --------------------------------------------------------------------------------

TEST_F(FirstHour, CompletesInBash) {
  const std::string script =
      "source <(" + program("isocost") +
      " completion bash)\n"
      "try() { COMP_WORDS=(\"$@\"); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _isocost; echo "
      "\"${COMPREPLY[*]}\"; }\n"
      "try isocost ev; try isocost run --wo; try isocost keys g; try isocost help pl; "
      "try isocost keys generate --o; complete -p isocost";

  const Finished said = run({"/bin/bash", "-c", script}, 60s);

  EXPECT_EQ(said.output,
            "events\n--workers --worker-program --worker-argument\ngenerate\nplan\n--out\n"
            "complete -o default -F _isocost isocost\n");
}

TEST_F(FirstHour, CompletesInFish) {
  const std::string script = program("isocost") +
                             " completion fish | source\n"
                             "complete -C 'isocost eve'; complete -C 'isocost run --work'; "
                             "complete -C 'isocost keys gen'; complete -C 'isocost help sel'";

  const Finished said = run({"/usr/bin/fish", "--no-config", "-c", script}, 60s);

  EXPECT_THAT(said.output, HasSubstr("events\tTell what happened"));
  EXPECT_THAT(said.output, HasSubstr("--workers\tWorker processes"));
  EXPECT_THAT(said.output, HasSubstr("generate\tMake a key pair"));
  EXPECT_THAT(said.output, HasSubstr("select\t"));
}

// What it hands to zsh's own functions.
TEST_F(FirstHour, CompletesInZsh) {
  const std::string script =
      "compdef() { print \"compdef $*\"; }\n"
      "_describe() { print -l -- $entries; }\n"
      "_arguments() { print -l -- \"$@\"; }\n"
      "source <(" +
      program("isocost") +
      " completion zsh)\n"
      "words=(isocost ev); CURRENT=2; _isocost\n"
      "words=(isocost run --wo); CURRENT=3; _isocost\n"
      "words=(isocost keys g); CURRENT=3; _isocost\n";

  const Finished said = run({"/usr/bin/zsh", "-f", "-c", script}, 60s);

  EXPECT_THAT(said.output, HasSubstr("compdef _isocost isocost\n"));
  EXPECT_THAT(said.output, HasSubstr("events:Tell what happened"));
  EXPECT_THAT(said.output, HasSubstr("--workers=[Worker processes"));
  EXPECT_THAT(said.output, HasSubstr("]:value:_files\n"));
  EXPECT_THAT(said.output, HasSubstr("--quiet[Show no progress and no notes]\n"));
  EXPECT_THAT(said.output, HasSubstr("generate:Make a key pair"));
}

// --- plans --------------------------------------------------------------------------------------

Json plan(const Words& more) {
  const Finished said = isocost(joined({"plan", (kGrids / "tiny.yaml").string(), "--json"}, more));
  EXPECT_EQ(said.status, 0) << said.output;
  return Json::parse(said.output, nullptr, false);
}

TEST_F(FirstHour, PlansForADeviceThatItKnows) {
  const Json one = plan({"--device", "H100"});
  const Json four = plan({"--device", "h100", "--workers", "4"});
  const Json slow = plan({"--device", "cpu"});
  const Finished text = isocost({"plan", (kGrids / "tiny.yaml").string(), "--device", "rtx 4090"});
  const Finished unknown = isocost({"plan", (kGrids / "tiny.yaml").string(), "--device", "Voodoo"});

  EXPECT_EQ(one.at("device"), "H100");
  EXPECT_EQ(four.at("workers"), 4);
  EXPECT_NEAR(four.at("expected_seconds").get<double>(),
              one.at("expected_seconds").get<double>() / 4, 1e-9);
  EXPECT_LT(one.at("expected_seconds").get<double>(), slow.at("expected_seconds").get<double>());
  EXPECT_EQ(one.at("is_speed_measured"), false);
  EXPECT_THAT(text.output, HasSubstr("devices         1 x GeForce RTX 4090"));
  EXPECT_THAT(text.output, HasSubstr("are assumed"));
  EXPECT_EQ(unknown.status, 3);
  EXPECT_THAT(unknown.output, HasSubstr("'Voodoo' is not known; expected one of "));
}

// The grids that come with isocost, but for the one that is about a user's own files.
TEST_F(FirstHour, PlansEveryGridThatComesWithIt) {
  int grids = 0;
  for (const auto& entry : fs::directory_iterator(kGrids)) {
    if (entry.path().extension() != ".yaml" || entry.path().stem() == "own-models") continue;
    const Finished said = isocost({"plan", entry.path().string(), "--gflops", "100"});
    EXPECT_EQ(said.status, 0) << said.output;
    EXPECT_THAT(said.output, HasSubstr("expected time"));
    ++grids;
  }
  EXPECT_GE(grids, 4);
}

TEST_F(FirstHour, PlansByACalibrationAndByWhatIsHere) {
  const Words fake{"--worker-program", program("isocost-fake-worker")};

  const Json measured = plan(joined(fake, {"--calibrate"}));
  const Finished gpus = run(joined({"/usr/bin/env", "ISOCOST_FAKE_DEVICES=cuda:0 cuda:1",
                                    program("isocost"), "plan", (kGrids / "tiny.yaml").string()},
                                   fake),
                            60s);

  EXPECT_EQ(measured.at("is_speed_measured"), true);
  EXPECT_EQ(measured.at("speed"), "measured on this machine");
  EXPECT_GT(measured.at("expected_seconds").get<double>(), 0);
  EXPECT_THAT(gpus.output, HasSubstr("devices         2 x a fake one, 80 GB here"));
  EXPECT_THAT(gpus.output, HasSubstr(" on 2 workers at "));
  EXPECT_THAT(gpus.output, HasSubstr("the GPU 'a fake one' is not known; --calibrate says better"));
  const Words broken{"plan", (kGrids / "tiny.yaml").string(), "--worker-program", "/bin/false"};
  EXPECT_EQ(isocost(joined(broken, {"--calibrate"})).status, 3);
  const Finished unknown = isocost(broken);
  EXPECT_EQ(unknown.status, 0);
  EXPECT_THAT(unknown.output, HasSubstr("warning: /bin/false: it was asked and ended with a fault; "
                                        "give --workers and --device"));
  EXPECT_THAT(unknown.output, HasSubstr(" on 1 worker at "));
}

// What a study's database measured is taken, and the workers that would be started here.
TEST_F(FirstHour, PlansByADatabase) {
  ASSERT_EQ(run(run_command(submission, {"--workers", "1", "--worker-argument=--unit-ms",
                                         "--worker-argument=20"}),
                2min)
                .status,
            0);
  Submission longer = submission;
  longer.cells[0].images.end += 128;
  longer.cells[0].scores.clear();

  const Finished said = isocost({"plan", grid(longer, "longer.json").string(), "--db",
                                 (folder / "out" / "isocost.db").string(), "--json"});

  ASSERT_EQ(said.status, 0) << said.output;
  const Json json = Json::parse(said.output);
  EXPECT_EQ(json.at("images_new"), 128);
  EXPECT_EQ(json.at("is_speed_measured"), true);
}

}  // namespace
}  // namespace isocost::first_hour
