// Says what an API server of Kubernetes would say of manifests: unknown and repeated fields, and values
// that its own validation refuses. Arguments: files. Exit status 1 if anything is wrong.
package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/kubernetes/pkg/api/legacyscheme"
	"k8s.io/kubernetes/pkg/api/pod"
	"k8s.io/kubernetes/pkg/apis/apps"
	_ "k8s.io/kubernetes/pkg/apis/apps/install"
	appsvalidation "k8s.io/kubernetes/pkg/apis/apps/validation"
	"k8s.io/kubernetes/pkg/apis/core"
	_ "k8s.io/kubernetes/pkg/apis/core/install"
	"k8s.io/kubernetes/pkg/apis/core/validation"
)

// faults of one object, as the server finds them when it is created.
func faults(object runtime.Object) field.ErrorList {
	switch it := object.(type) {
	case *apps.Deployment:
		it.Namespace = "default"
		template := &it.Spec.Template
		options := pod.GetValidationOptionsFromPodTemplate(template, nil)
		return appsvalidation.ValidateDeployment(it, options)
	case *core.Service:
		it.Namespace = "default"
		return validation.ValidateServiceCreate(it)
	case *core.PersistentVolumeClaim:
		it.Namespace = "default"
		return validation.ValidatePersistentVolumeClaim(
			it, validation.ValidationOptionsForPersistentVolumeClaim(it, nil))
	}
	return field.ErrorList{field.InternalError(nil, fmt.Errorf("nobody checks %T", object))}
}

func main() {
	decoder := serializer.NewCodecFactory(legacyscheme.Scheme, serializer.EnableStrict).UniversalDecoder()
	wrong := false
	for _, name := range os.Args[1:] {
		file, err := os.Open(name)
		if err != nil {
			fmt.Println(err)
			os.Exit(2)
		}
		documents := yaml.NewYAMLReader(bufio.NewReader(file))
		for {
			document, err := documents.Read()
			if errors.Is(err, io.EOF) {
				break
			}
			if err == nil {
				var object runtime.Object
				object, _, err = decoder.Decode(document, nil, nil)
				if err == nil {
					err = faults(object).ToAggregate()
				}
				if err == nil {
					fmt.Printf("%s: %T is right\n", name, object)
				}
			}
			if err != nil {
				fmt.Printf("%s: %v\n", name, err)
				wrong = true
			}
		}
	}
	if wrong {
		os.Exit(1)
	}
}
