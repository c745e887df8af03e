terraform {
  backend "s3" {
    bucket         = "shop-terraform"
    key            = "shop/terraform.tfstate"
    region         = "eu-central-1"
    dynamodb_table = "terraform-locks"
  }
}
