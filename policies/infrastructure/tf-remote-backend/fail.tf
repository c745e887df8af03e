# State on the disk, said in so many words.
terraform {
  required_version = "~> 1.9"

  backend "local" { # expect[local]: the backend is `local`, expected one of `s3`, `gcs`, `azurerm`, `http`, `remote`, `cloud`, `consul`
    path = "terraform.tfstate"
  }
}

provider "aws" {
  region = "eu-central-1"
}
