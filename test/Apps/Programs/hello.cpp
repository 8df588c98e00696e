// Exceptions through frames with destructors, iostreams, containers, static initialisation, a thread-local.
#include <iostream>
#include <map>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

struct Announced {
    const char *name;
    explicit Announced(const char *n) : name(n) { std::cout << "begin " << name << '\n'; }
    ~Announced() { std::cout << "end " << name << std::endl; }
};

static Announced whole_program("program");
static thread_local int per_thread = 41;

static int dig(int depth)
{
    Announced frame(depth % 2 ? "odd" : "even");
    if (depth == 0) {
        throw std::out_of_range("bottom");
    }
    return dig(depth - 1) + 1;
}

int main()
{
    try {
        dig(3);
    } catch (const std::exception &error) {
        std::cout << "caught " << error.what() << '\n';
    }
    std::map<std::string, std::vector<int>> table;
    std::string word;
    for (int i = 0; std::cin >> word; i++) {
        table[word].push_back(i);
    }
    for (const auto &[key, places] : table) {
        std::ostringstream line;
        for (int place : places) {
            line << ' ' << place;
        }
        std::cout << key << line.str() << '\n';
    }
    try {
        std::vector<int>().at(1);
    } catch (const std::out_of_range &) {
        per_thread++;
    }
    std::cerr << per_thread << std::endl;
    return per_thread == 42 ? 3 : 1;
}
