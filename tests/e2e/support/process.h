#pragma once

#include <functional>
#include <string>
#include <vector>

#include <sys/types.h>

namespace silverback::e2e {

/// A program that we started. It is killed with the object, and with the test program.
class Process {
 public:
  /// Output goes to `log_file`. Fails the test when the program cannot be started.
  Process(const std::vector<std::string>& command, std::string log_file);
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  pid_t pid() const { return pid_; }
  bool running();
  void signal(int number);
  /// Exit status (128 + signal when killed), or -1 when it did not end in time.
  int wait(int seconds);
  /// kill -9 and wait.
  void kill();
  std::string log() const;

 private:
  std::string log_file_;
  pid_t pid_ = -1;
  int status_ = -1;
};

/// Path of an installed program; fails the test when it is missing.
std::string find_program(const std::string& name);

/// Asks `done` every 20 ms until it is true or the time is over. Its last answer.
bool eventually(int seconds, const std::function<bool()>& done);

/// A TCP port of 127.0.0.1 that is free right now.
int free_port();

/// A folder that goes with the object.
class TempDir {
 public:
  TempDir();
  ~TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  const std::string& path() const { return path_; }
  std::string file(const std::string& name) const { return path_ + "/" + name; }
  /// Writes and gives the path.
  std::string write(const std::string& name, const std::string& content) const;

 private:
  std::string path_;
};

std::string read_file(const std::string& path);

}  // namespace silverback::e2e
