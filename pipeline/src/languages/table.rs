//! What is known of each language. Lists hold what belongs to a language without doubt: an
//! extension that several languages share is left out, and so is a file that only resembles one
//! (`BUILD.bazel` is not Python).

use super::Language;

macro_rules! query {
    ($name:literal) => {
        include_str!(concat!("queries/", $name, ".scm"))
    };
}

/// Sorted by name, which [`Language::by_name`] relies on.
pub(super) static LANGUAGES: [Language; 12] = [
    Language {
        name: "c",
        grammar_version: "tree-sitter-c@0.24",
        grammar: || tree_sitter_c::LANGUAGE.into(),
        // A header may be C++ as well, which only its content tells. As C, most of it still comes
        // out right, and it does so faster.
        extensions: &["c", "h"],
        file_names: &[],
        interpreters: &["tcc"],
        queries: &[query!("c")],
    },
    Language {
        name: "cpp",
        grammar_version: "tree-sitter-cpp@0.23",
        grammar: || tree_sitter_cpp::LANGUAGE.into(),
        extensions: &[
            "C", "H", "c++", "cc", "cp", "cpp", "cppm", "cxx", "h++", "hh", "hpp", "hxx", "inl",
            "ino", "ipp", "ixx", "tcc", "tpp", "txx",
        ],
        file_names: &[],
        interpreters: &[],
        queries: &[query!("cpp")],
    },
    Language {
        name: "csharp",
        grammar_version: "tree-sitter-c-sharp@0.23",
        grammar: || tree_sitter_c_sharp::LANGUAGE.into(),
        extensions: &["cake", "cs", "csx"],
        file_names: &[],
        interpreters: &["csharp", "dotnet-script"],
        queries: &[query!("csharp")],
    },
    Language {
        name: "go",
        grammar_version: "tree-sitter-go@0.25",
        grammar: || tree_sitter_go::LANGUAGE.into(),
        extensions: &["go"],
        file_names: &[],
        interpreters: &["gorun", "yaegi"],
        queries: &[query!("go")],
    },
    Language {
        name: "java",
        grammar_version: "tree-sitter-java@0.23",
        grammar: || tree_sitter_java::LANGUAGE.into(),
        extensions: &["java"],
        file_names: &[],
        interpreters: &["java", "jbang"],
        queries: &[query!("java")],
    },
    Language {
        name: "javascript",
        grammar_version: "tree-sitter-javascript@0.25",
        grammar: || tree_sitter_javascript::LANGUAGE.into(),
        extensions: &["cjs", "es6", "js", "jsx", "mjs"],
        file_names: &["Jakefile"],
        interpreters: &["gjs", "node", "nodejs", "qjs", "zx"],
        queries: &[query!("ecmascript"), query!("javascript"), query!("jsx")],
    },
    Language {
        name: "php",
        grammar_version: "tree-sitter-php@0.25",
        grammar: || tree_sitter_php::LANGUAGE_PHP.into(),
        extensions: &["php", "php3", "php4", "php5", "phps", "phpt", "phtml"],
        file_names: &[".php_cs", ".php_cs.dist"],
        interpreters: &["php"],
        queries: &[query!("php")],
    },
    Language {
        name: "python",
        grammar_version: "tree-sitter-python@0.25",
        grammar: || tree_sitter_python::LANGUAGE.into(),
        extensions: &["py", "pyi", "pyw", "wsgi"],
        file_names: &["SConscript", "SConstruct", "wscript"],
        // Of uv's commands, a script can only start `uv run`, which runs Python.
        interpreters: &["ipython", "jython", "micropython", "pypy", "python", "uv"],
        queries: &[query!("python")],
    },
    Language {
        name: "ruby",
        grammar_version: "tree-sitter-ruby@0.23",
        grammar: || tree_sitter_ruby::LANGUAGE.into(),
        extensions: &[
            "builder", "gemspec", "jbuilder", "podspec", "rabl", "rake", "rb", "rbi", "rbw", "ru",
            "thor",
        ],
        file_names: &[
            ".irbrc",
            ".pryrc",
            ".simplecov",
            "Appraisals",
            "Berksfile",
            "Brewfile",
            "Buildfile",
            "Capfile",
            "Cheffile",
            "Dangerfile",
            "Deliverfile",
            "Fastfile",
            "Gemfile",
            "Guardfile",
            "Podfile",
            "Puppetfile",
            "Rakefile",
            "Snapfile",
            "Steepfile",
            "Thorfile",
            "Vagrantfile",
            "buildfile",
            "rakefile",
        ],
        interpreters: &["irb", "jruby", "mruby", "rake", "ruby", "truffleruby"],
        queries: &[query!("ruby")],
    },
    Language {
        name: "rust",
        grammar_version: "tree-sitter-rust@0.24",
        grammar: || tree_sitter_rust::LANGUAGE.into(),
        extensions: &["rs"],
        file_names: &[],
        interpreters: &["cargo", "rust-script"],
        queries: &[query!("rust")],
    },
    Language {
        name: "tsx",
        grammar_version: "tree-sitter-typescript@0.23",
        grammar: || tree_sitter_typescript::LANGUAGE_TSX.into(),
        extensions: &["tsx"],
        file_names: &[],
        interpreters: &[],
        queries: &[query!("ecmascript"), query!("typescript"), query!("jsx")],
    },
    Language {
        name: "typescript",
        grammar_version: "tree-sitter-typescript@0.23",
        grammar: || tree_sitter_typescript::LANGUAGE_TYPESCRIPT.into(),
        extensions: &["cts", "mts", "ts"],
        file_names: &[],
        // Deno and Bun read JavaScript too, of which TypeScript is a superset.
        interpreters: &["bun", "deno", "ts-node", "ts-node-esm", "tsx"],
        queries: &[query!("ecmascript"), query!("typescript")],
    },
];
