# Other tools reported each of these.
module "exact" {
  source  = "Azure/naming/azurerm"
  version = "0.4.1"
}

module "folder_of_a_registry" {
  source  = "terraform-aws-modules/iam/aws//modules/iam-github-oidc-role"
  version = "= 5.39.1"
}

module "patches" {
  source  = "app.terraform.io/acme/network/aws"
  version = "~> 3.2.0"
}

module "shallow" {
  source = "git::https://example.com/bogus.git?depth=1&ref=v1.2.0"
}

module "azure_devops" {
  source = "git::https://dev.azure.com/acme/terraform/_git/azure-eventhub//module?ref=0.1.0"
}

module "tags" {
  source = "git@ssh.example.com:terraform_modules/my_module.git?ref=tags/0.1.0"
}

module "commit" {
  source = "github.com/terraform-aws-modules/terraform-aws-vpc?ref=25322b6b6be69db6cca7f167d7b0e5327156a595"
}

module "mercurial" {
  source = "hg::https://hg.example.com/network.hg?rev=v1.2.0"
}

module "archive" {
  source = "https://artifacts.example.com/modules/vpc.zip?checksum=sha256:8f434346648f6b96df89dda901c5176b10a6d83961dd3c1ac88b59b2dc327aa4"
}

module "bucket" {
  source = "s3::https://s3-eu-central-1.amazonaws.com/acme-modules/vpc.zip?version=3HL4kqtJlcpXroDTDmJ"
}
