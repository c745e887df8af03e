// Prints the fields of the objects of other projects' engines, taken from the projects' own definitions: one line a
// field, its kind before it.
//
//	fields KINDS FILE...
//
// KINDS is a file with the kinds that are wanted (GROUP/Kind). A FILE is a CustomResourceDefinition in YAML, or
// GROUP/Kind=FOLDER:Type for a type in Go whose module has no definition.
package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"log"
	"os"
	"path/filepath"
	"reflect"
	"sort"
	"strings"

	"sigs.k8s.io/yaml"
)

// What stands below is open: a pod template, or a field that the definition leaves to others.
const open = ".**"

type schema struct {
	Properties           map[string]schema `json:"properties"`
	Items                *schema           `json:"items"`
	AdditionalProperties any               `json:"additionalProperties"`
	Open                 bool              `json:"x-kubernetes-preserve-unknown-fields"`
}

type definition struct {
	Kind string `json:"kind"`
	Spec struct {
		Group string `json:"group"`
		Names struct {
			Kind string `json:"kind"`
		} `json:"names"`
		Versions []struct {
			Schema struct {
				Root schema `json:"openAPIV3Schema"`
			} `json:"schema"`
		} `json:"versions"`
	} `json:"spec"`
}

type fields map[string]map[string]bool

func (all fields) add(kind, path string) {
	if all[kind] == nil {
		all[kind] = map[string]bool{}
	}
	all[kind][path] = true
}

func main() {
	log.SetFlags(0)
	if len(os.Args) < 3 {
		log.Fatal("usage: fields KINDS FILE...")
	}
	text, err := os.ReadFile(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	wanted := map[string]bool{}
	for _, kind := range strings.Fields(string(text)) {
		wanted[kind] = true
	}
	all := fields{}
	for _, argument := range os.Args[2:] {
		if kind, source, isType := strings.Cut(argument, "="); isType {
			if wanted[kind] {
				folder, name, _ := strings.Cut(source, ":")
				goType(all, kind, folder, name)
			}
			continue
		}
		definitions(all, wanted, argument)
	}
	var lines []string
	for kind, paths := range all {
		for path := range paths {
			lines = append(lines, kind+"\t"+path)
		}
	}
	sort.Strings(lines)
	for _, line := range lines {
		fmt.Println(line)
	}
}

// definitions adds the fields of all CustomResourceDefinitions of a file. Every version counts.
func definitions(all fields, wanted map[string]bool, file string) {
	text, err := os.ReadFile(file)
	if err != nil {
		log.Fatal(err)
	}
	for _, document := range strings.Split("\n"+string(text), "\n---") {
		var crd definition
		if err := yaml.Unmarshal([]byte(document), &crd); err != nil {
			log.Fatalf("%s: %v", file, err)
		}
		kind := crd.Spec.Group + "/" + crd.Spec.Names.Kind
		if crd.Kind != "CustomResourceDefinition" || !wanted[kind] {
			continue
		}
		for _, version := range crd.Spec.Versions {
			for name, property := range version.Schema.Root.Properties {
				if name == "spec" || name == "data" {
					walk(all, kind, name, property)
				}
			}
		}
	}
}

func walk(all fields, kind, path string, at schema) {
	additional, isMap := at.AdditionalProperties.(map[string]any)
	anything, _ := at.AdditionalProperties.(bool)
	if _, isPod := at.Properties["containers"]; isPod || at.Open && len(at.Properties) == 0 || anything {
		all.add(kind, path+open)
		return
	}
	all.add(kind, path)
	for name, property := range at.Properties {
		walk(all, kind, path+"."+name, property)
	}
	if at.Items != nil {
		walk(all, kind, path+"[*]", *at.Items)
	}
	if isMap {
		text, err := yaml.Marshal(additional)
		var inner schema
		if err == nil {
			err = yaml.Unmarshal(text, &inner)
		}
		if err != nil {
			log.Fatal(err)
		}
		walk(all, kind, path+".*", inner)
	}
}

// goType adds the fields of a type of a package, by its tags for JSON. What is of another package is left open.
func goType(all fields, kind, folder, name string) {
	files, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil || len(files) == 0 {
		log.Fatalf("%s: no Go files", folder)
	}
	types := map[string]ast.Expr{}
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			log.Fatal(err)
		}
		for _, declaration := range parsed.Decls {
			if general, ok := declaration.(*ast.GenDecl); ok {
				for _, spec := range general.Specs {
					if named, ok := spec.(*ast.TypeSpec); ok {
						types[named.Name.Name] = named.Type
					}
				}
			}
		}
	}
	root, ok := types[name].(*ast.StructType)
	if !ok {
		log.Fatalf("%s has no struct %s", folder, name)
	}
	walkGo(all, kind, "spec", root, types, 0)
}

func walkGo(all fields, kind, path string, at ast.Expr, types map[string]ast.Expr, depth int) {
	switch at := at.(type) {
	case *ast.StarExpr:
		walkGo(all, kind, path, at.X, types, depth)
	case *ast.ArrayType:
		all.add(kind, path)
		walkGo(all, kind, path+"[*]", at.Elt, types, depth)
	case *ast.MapType:
		all.add(kind, path)
		walkGo(all, kind, path+".*", at.Value, types, depth)
	case *ast.SelectorExpr:
		all.add(kind, path+open)
	case *ast.Ident:
		if inner, ok := types[at.Name]; ok && depth < 20 {
			walkGo(all, kind, path, inner, types, depth+1)
		} else {
			all.add(kind, path)
		}
	case *ast.StructType:
		all.add(kind, path)
		for _, field := range at.Fields.List {
			if field.Tag == nil {
				continue
			}
			name, _, _ := strings.Cut(reflect.StructTag(strings.Trim(field.Tag.Value, "`")).Get("json"), ",")
			if name == "" {
				walkGo(all, kind, path, field.Type, types, depth)
			} else if name != "-" {
				walkGo(all, kind, path+"."+name, field.Type, types, depth)
			}
		}
	default:
		all.add(kind, path)
	}
}
