terraform {
  backend "s3" { # label: the other one
    bucket = "shop-terraform"
    key    = "shop/terraform.tfstate"
    region = "eu-central-1"
  }
}
